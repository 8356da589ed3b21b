# Values of parameters, as the service takes them.

function Test-MailFerryGiven {
    # Tell whether one of these parameters was given.
    param(
        [System.Collections.IDictionary] $Bound,
        [string[]] $Name
    )

    foreach ($each in $Name) {
        if ($Bound.ContainsKey($each)) { return $true }
    }
    return $false
}

function Assert-MailFerryCompanion {
    # Throw if a parameter was given without those that it means nothing without.
    param(
        [System.Collections.IDictionary] $Bound,
        [string] $Name,
        [string[]] $Needs
    )

    if (-not $Bound.ContainsKey($Name)) { return }
    $missing = @($Needs | Where-Object { -not $Bound.ContainsKey($_) } | ForEach-Object { "-$_" })
    if ($missing.Count -gt 0) {
        throw (New-MailFerryError -Message "Parameter '$Name' needs $($missing -join ' and ')." -ErrorId 'MissingCompanion' -Category 'InvalidArgument')
    }
}

function Resolve-MailFerryIdentity {
    # Give what names an object to the service. An address may be in several batches, so a user that comes through the
    # pipeline is named by its GUID.
    param(
        [string] $Value,
        [object] $InputObject = $null
    )

    if ($null -ne $InputObject -and $InputObject -isnot [string] -and $null -ne $InputObject.PSObject.Properties['Guid']) {
        if ([string] $InputObject.Identity -eq $Value -and $InputObject.PSObject.TypeNames[0] -like 'MailFerry.MigrationUser*') {
            return [string] $InputObject.Guid
        }
    }
    return $Value
}

function ConvertTo-MailFerryChoice {
    # Give a value as the service spells it; parameters take it in any case.
    param(
        [string] $Value,
        [string[]] $Choices
    )

    foreach ($choice in $Choices) {
        if ($choice -eq $Value) { return $choice }
    }
    return $Value
}

function ConvertTo-MailFerryList {
    # Give an array of texts, which stays one if it has one text or none.
    param([object[]] $Value)

    $texts = @($Value | Where-Object { $null -ne $_ } | ForEach-Object { [string] $_ })
    if ($texts -contains '') {
        throw (New-MailFerryError -Message 'A text of the list is empty.' -ErrorId 'InvalidValue' -Category 'InvalidArgument' -Advice 'Give @() for a list without texts.')
    }
    return , ([string[]] $texts)
}

function ConvertTo-MailFerryNames {
    # Give an array of what names texts and objects to the service: users by their GUIDs.
    param([object[]] $Value)

    $names = @($Value | Where-Object { $null -ne $_ } | ForEach-Object {
            if ($_ -is [string]) { $_ } else { Resolve-MailFerryIdentity -Value $_.Identity -InputObject $_ }
        })
    return , (ConvertTo-MailFerryList -Value $names)
}

function Test-MailFerryUnlimited {
    # Tell whether a value is Unlimited or a number within bounds; throws if it is not. For ValidateScript.
    param(
        [string] $Value,
        [long] $Least,
        [long] $Most = [long]::MaxValue
    )

    if ($Value -eq 'Unlimited') { return $true }
    $number = [long] 0
    if ([long]::TryParse($Value, [ref] $number) -and $number -ge $Least -and $number -le $Most) { return $true }
    $bounds = "from $Least to $Most"
    if ($Most -eq [long]::MaxValue) { $bounds = "of at least $Least" }
    throw "'$Value' is not allowed. Give Unlimited or a whole number $bounds."
}

function ConvertTo-MailFerryNumber {
    # Give a number; for Unlimited the greatest that is allowed.
    param(
        [string] $Value,
        [long] $Most
    )

    if ($Value -eq 'Unlimited') { return $Most }
    return [long] $Value
}

function ConvertTo-MailFerryMoment {
    # Write a moment as RFC 3339 in UTC. One without a zone is UTC already; $null stays, it takes a moment away.
    param([Nullable[datetime]] $Value)

    if ($null -eq $Value) { return $null }
    if ($Value.Kind -eq [System.DateTimeKind]::Local) { $Value = $Value.ToUniversalTime() }
    return $Value.ToString('yyyy-MM-ddTHH:mm:ss.FFFFFF', [cultureinfo]::InvariantCulture) + 'Z'
}

function ConvertTo-MailFerrySeconds {
    # Give a duration in seconds.
    param([timespan] $Value)

    # PowerShell takes a plain 1 for a ten-millionth of a second, and nobody means that.
    if ($Value.Ticks -ne 0 -and [math]::Abs($Value.Ticks) -lt [timespan]::TicksPerMillisecond) {
        throw (New-MailFerryError -Message "The duration '$Value' is too short." -ErrorId 'InvalidValue' -Category 'InvalidArgument' -Advice 'Write it as 12:00:00, or 1.00:00:00 for a day.')
    }
    return $Value.TotalSeconds
}

function ConvertFrom-MailFerrySecret {
    # Give the text of a SecureString. It goes into a request and nowhere else.
    param([securestring] $Value)

    $memory = [System.Runtime.InteropServices.Marshal]::SecureStringToBSTR($Value)
    try {
        return [System.Runtime.InteropServices.Marshal]::PtrToStringBSTR($memory)
    } finally {
        [System.Runtime.InteropServices.Marshal]::ZeroFreeBSTR($memory)
    }
}

function Read-MailFerryToken {
    # Read a token from a file.
    param([string] $Path)

    $file = Resolve-MailFerryPath -Path $Path
    $text = [System.IO.File]::ReadAllText($file).Trim()
    if (-not $text) {
        throw (New-MailFerryError -Message "The file '$file' is empty." -ErrorId 'InvalidToken' -Category 'InvalidData' -Advice 'Make a token by `mailferry token`.')
    }
    $token = New-Object -TypeName 'System.Security.SecureString'
    foreach ($character in $text.ToCharArray()) { $token.AppendChar($character) }
    $token.MakeReadOnly()
    return $token
}

function Read-MailFerryCsv {
    # Give Base64 and Name of a CSV: of its bytes, which have no name, or of a file.
    param([object] $Value)

    if ($Value -is [System.IO.FileInfo]) { $Value = $Value.FullName }
    if ($Value -is [string]) {
        $file = Resolve-MailFerryPath -Path $Value
        $bytes = [System.IO.File]::ReadAllBytes($file)
        return @{ Base64 = [System.Convert]::ToBase64String($bytes); Name = [System.IO.Path]::GetFileName($file) }
    }
    # Get-Content gives an array of objects, each of them a byte.
    return @{ Base64 = [System.Convert]::ToBase64String([byte[]] $Value); Name = '' }
}

function Resolve-MailFerryPath {
    # Give the full path of a file, which need not be there, as seen from the current location.
    param([string] $Path)

    return $ExecutionContext.SessionState.Path.GetUnresolvedProviderPathFromPSPath($Path)
}
