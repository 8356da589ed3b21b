# Made by tools/powershell_module.py from the table of cmdlets; do not edit.

function Set-MigrationConfig {
    <#
    .SYNOPSIS
    Changes settings of the service.

    .DESCRIPTION
    They hold from the next pass of each user.

    .PARAMETER MaxNumberOfBatches
    How many batches there may be.

    .PARAMETER IncrementalSyncInterval
    Time from the end of a sync to the next one.

    .PARAMETER MaxItemsPerMailbox
    How many messages of a mailbox are copied at most.

    .PARAMETER MaxMessageSize
    Larger messages are skipped; such as 35MB.

    .PARAMETER RetryAttempts
    How often a pass is tried again that failed for a reason that may pass.

    .PARAMETER RetryInterval
    Time up to the first retry; it doubles from one to the next.

    .PARAMETER MaxRetryInterval
    The longest time between two retries.

    .PARAMETER Repair
    What may be mended in a message that the target refuses.

    .PARAMETER SmtpServer
    The mail server that reports are sent by. Empty: none are sent.

    .PARAMETER SmtpPort
    Its port. Default: 587.

    .PARAMETER SmtpSecurity
    STARTTLS (Tls), TLS from the start (Ssl), or none; a login needs one of the two. Default: Tls.

    .PARAMETER SmtpUser
    The login name. Empty: without a login.

    .PARAMETER SmtpPassword
    The password, a SecureString. It is forgotten when the server or the login name changes and it is not given again.

    .PARAMETER SmtpFrom
    The sender: an address, or a name and <address>.

    .PARAMETER SmtpCaFile
    A file of the service's machine with the authorities that are trusted (PEM). Empty: those of the machine.

    .PARAMETER MaxConcurrentMigrations
    Taken, without effect: the limits are the endpoints'.

    .PARAMETER Features
    Taken, without effect.

    .PARAMETER Partition
    Reserved. Taken, without effect.

    .EXAMPLE
    Set-MigrationConfig -IncrementalSyncInterval 12:00:00

    Syncs all users twice a day.

    .EXAMPLE
    Set-MigrationConfig -MaxMessageSize 150MB

    Copies larger messages.

    .EXAMPLE
    Set-MigrationConfig -SmtpServer smtp.contoso.com -SmtpFrom ferry@contoso.com -SmtpUser ferry -SmtpPassword (Read-Host -AsSecureString)

    Sends the reports of batches by this mail server; the password is asked for.

    .NOTES
    Differences from Exchange Online:
    Exchange Online has no parameters here; those of Exchange Server and of this service are.

    .LINK
    Get-MigrationConfig

    .LINK
    Connect-MailFerry
    #>
    [CmdletBinding(SupportsShouldProcess = $true, ConfirmImpact = 'Medium', PositionalBinding = $false)]
    param(
        [ValidateRange(1, [int]::MaxValue)]
        [int] $MaxNumberOfBatches,

        [timespan] $IncrementalSyncInterval,

        [ValidateRange(1, [int]::MaxValue)]
        [int] $MaxItemsPerMailbox,

        [ValidateRange([long] 1, [long]::MaxValue)]
        [long] $MaxMessageSize,

        [ValidateRange(1, [int]::MaxValue)]
        [int] $RetryAttempts,

        [timespan] $RetryInterval,

        [timespan] $MaxRetryInterval,

        [ValidateSet('none', 'line-ends', 'all')]
        [string] $Repair,

        [string] $SmtpServer,

        [ValidateRange(1, 65535)]
        [int] $SmtpPort,

        [ValidateSet('None', 'Ssl', 'Tls')]
        [string] $SmtpSecurity,

        [string] $SmtpUser,

        [ValidateNotNull()]
        [securestring] $SmtpPassword,

        [string] $SmtpFrom,

        [string] $SmtpCaFile,

        [ValidateScript({ Test-MailFerryUnlimited -Value $_ -Least 0 })]
        [string] $MaxConcurrentMigrations,

        [string] $Features,

        [string] $Partition
    )

    begin {
        if ($PSBoundParameters.ContainsKey('MaxConcurrentMigrations')) {
            Write-Warning -Message '-MaxConcurrentMigrations has no effect: the limits are the endpoints''.'
        }
        if ($PSBoundParameters.ContainsKey('Features')) {
            Write-Warning -Message '-Features has no effect.'
        }
    }

    process {
        $given = $PSBoundParameters
        $calls = @()
        try {
            $body = [ordered]@{}
            if ($given.ContainsKey('MaxNumberOfBatches')) { $body['max_number_of_batches'] = $MaxNumberOfBatches }
            if ($given.ContainsKey('IncrementalSyncInterval')) { $body['incremental_interval_seconds'] = ConvertTo-MailFerrySeconds -Value $IncrementalSyncInterval }
            if ($given.ContainsKey('MaxItemsPerMailbox')) { $body['max_items'] = $MaxItemsPerMailbox }
            if ($given.ContainsKey('MaxMessageSize')) { $body['max_message_bytes'] = $MaxMessageSize }
            if ($given.ContainsKey('RetryAttempts')) { $body['retry_attempts'] = $RetryAttempts }
            if ($given.ContainsKey('RetryInterval')) { $body['retry_seconds'] = ConvertTo-MailFerrySeconds -Value $RetryInterval }
            if ($given.ContainsKey('MaxRetryInterval')) { $body['longest_retry_seconds'] = ConvertTo-MailFerrySeconds -Value $MaxRetryInterval }
            if ($given.ContainsKey('Repair')) { $body['repair'] = ConvertTo-MailFerryChoice -Value $Repair -Choices @('none', 'line-ends', 'all') }
            if ($given.ContainsKey('SmtpServer')) { $body['smtp_server'] = $SmtpServer }
            if ($given.ContainsKey('SmtpPort')) { $body['smtp_port'] = $SmtpPort }
            if ($given.ContainsKey('SmtpSecurity')) { $body['smtp_security'] = ConvertTo-MailFerryChoice -Value $SmtpSecurity -Choices @('None', 'Ssl', 'Tls') }
            if ($given.ContainsKey('SmtpUser')) { $body['smtp_user'] = $SmtpUser }
            if ($given.ContainsKey('SmtpPassword')) { $body['smtp_password'] = ConvertFrom-MailFerrySecret -Value $SmtpPassword }
            if ($given.ContainsKey('SmtpFrom')) { $body['smtp_from'] = $SmtpFrom }
            if ($given.ContainsKey('SmtpCaFile')) { $body['smtp_ca_file'] = $SmtpCaFile }
            $calls += @{
                Method = 'PATCH'
                Path = '/config'
                Body = $body
                Answer = 'Nothing'
                Kind = 'MigrationConfig'
                Named = ''
            }
        } catch {
            $PSCmdlet.ThrowTerminatingError($_)
        }
        if (-not $PSCmdlet.ShouldProcess('MigrationConfig', 'Changing the settings of the service')) { return }
        Invoke-MailFerryCall -Cmdlet $PSCmdlet -Calls $calls -Quiet
    }
}
