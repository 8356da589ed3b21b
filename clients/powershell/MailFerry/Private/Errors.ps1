# Errors as PowerShell has them: an id, a category, and what to do about it.

function New-MailFerryError {
    # Make an error record; `throw` it. The advice is part of what is shown.
    param(
        [string] $Message,
        [string] $ErrorId = 'ServiceError',
        [string] $Category = 'NotSpecified',
        [string] $Advice = '',
        [object] $Target = $null
    )

    $exception = New-Object -TypeName 'System.InvalidOperationException' -ArgumentList $Message
    $record = New-Object -TypeName 'System.Management.Automation.ErrorRecord' -ArgumentList $exception, $ErrorId, $Category, $Target
    if ($Advice) {
        $details = New-Object -TypeName 'System.Management.Automation.ErrorDetails' -ArgumentList "$Message $Advice"
        $details.RecommendedAction = $Advice
        $record.ErrorDetails = $details
    }
    return $record
}

function ConvertTo-MailFerryError {
    # Make an error record of the problem details (RFC 9457) with which the service refused a request.
    param(
        [int] $Status,
        [string] $Text,
        [string] $Named = '',
        [string] $Noun = 'object'
    )

    $problem = @{}
    try {
        $found = ConvertFrom-MailFerryJson -Text $Text
        if ($found -is [System.Collections.IDictionary]) { $problem = $found }
    } catch {
        Write-Debug -Message 'The answer is not JSON: a proxy may have given it.'
    }
    $code = [string] $problem['code']
    $message = [string] $problem['detail']
    $advice = [string] $problem['advice']
    if (-not $message) { $message = "The service answered with status $Status." }
    if ($code -eq 'not-found' -and $Named -and $message.Contains($Named)) {
        $message = "The $Noun '$Named' couldn't be found."
        $advice = 'The Get cmdlet of the same noun lists what there is, such as Get-MigrationBatch.'
    }
    if ($code -eq 'unauthorized' -or $code -eq 'invalid-token') {
        $advice = 'Run Connect-MailFerry again with -TokenFile and the file of a token that this service knows.'
    }
    $advice = $advice.Replace(' (disable_on_copy)', '')
    $advice = (ConvertTo-MailFerryParameterText -Text $advice) -replace '(?<![\w-])SkipVerification\b', '-SkipVerification'
    $message = $message.Replace('; sync-now is possible', '; -SyncNow is possible')
    $message = $message.Replace('To start now, use start.', 'To start now, use the cmdlet Start- of the same noun.')
    $message = $message.Replace('To complete now, use complete.', 'To complete now, use Complete-MigrationBatch.')
    if ($code -eq 'no-such-route') {
        $message = 'This service does not know that request.'
        $advice = 'Use a service of the same version.'
    }
    $place = Get-MailFerryPlace -Problem $problem
    $kind = Get-MailFerryErrorKind -Code $code
    $message = (ConvertTo-MailFerryParameterText -Text $message) + $place
    return New-MailFerryError -Message $message -ErrorId $kind['Id'] -Category $kind['Category'] -Advice $advice -Target $Named
}

function Get-MailFerryPlace {
    # Say where in a CSV something is wrong; nothing if the problem is not about a CSV.
    param([System.Collections.IDictionary] $Problem)

    $found = @()
    foreach ($name in @('line', 'column')) {
        if ($Problem[$name] -and -not ([string] $Problem['detail']).Contains("$name $($Problem[$name])")) {
            $found += "$name $($Problem[$name])"
        }
    }
    if ($found.Count -eq 0) { return '' }
    return " ($($found -join ', '))"
}

function ConvertTo-MailFerryParameterText {
    # Say -MaxConcurrentMigrations where the service says max_concurrent_migrations.
    param([string] $Text)

    $names = Get-MailFerryParameterName
    foreach ($field in @($names.Keys | Sort-Object -Property 'Length' -Descending)) {
        $Text = $Text.Replace("body.$field", $field).Replace($field, "-$($names[$field])")
    }
    return $Text
}

function Get-MailFerryErrorKind {
    # Give the id and the category for a code of the service.
    param([string] $Code)

    switch ($Code) {
        'not-found' { return @{ Id = 'ManagementObjectNotFound'; Category = 'ObjectNotFound' } }
        'already-exists' { return @{ Id = 'ObjectAlreadyExists'; Category = 'ResourceExists' } }
        'wrong-state' { return @{ Id = 'MigrationStateInvalid'; Category = 'InvalidOperation' } }
        'in-use' { return @{ Id = 'ObjectInUse'; Category = 'ResourceBusy' } }
        'invalid-value' { return @{ Id = 'InvalidValue'; Category = 'InvalidArgument' } }
        'invalid-request' { return @{ Id = 'InvalidValue'; Category = 'InvalidArgument' } }
        'forbidden' { return @{ Id = 'AccessDenied'; Category = 'PermissionDenied' } }
        'unauthorized' { return @{ Id = 'AccessDenied'; Category = 'AuthenticationError' } }
        'invalid-token' { return @{ Id = 'AccessDenied'; Category = 'AuthenticationError' } }
        'endpoint-unavailable' { return @{ Id = 'MigrationServerConnectionFailed'; Category = 'ConnectionError' } }
        'no-such-route' { return @{ Id = 'NotSupported'; Category = 'NotImplemented' } }
    }
    if ($Code) { return @{ Id = $Code; Category = 'NotSpecified' } }
    return @{ Id = 'ServiceError'; Category = 'NotSpecified' }
}
