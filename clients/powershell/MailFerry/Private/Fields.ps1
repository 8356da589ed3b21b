# Fields of answers, as values of properties. A field that is missing or null is $null: a newer or older service may
# have others.

function Get-MailFerryField {
    # Give a field of an answer; `a.b` is a field within another.
    param(
        [object] $Data,
        [string] $Name
    )

    $found = $Data
    foreach ($part in $Name.Split('.')) {
        if ($found -isnot [System.Collections.IDictionary]) { return $null }
        $found = $found[$part]
    }
    return , $found
}

function Get-MailFerryText {
    # Give a field as a text.
    param([object] $Data, [string] $Name)

    $found = Get-MailFerryField -Data $Data -Name $Name
    if ($null -eq $found) { return $null }
    return ConvertTo-MailFerryText -Value $found
}

function Get-MailFerryGrade {
    # Give a field as a text; an empty one is none.
    param([object] $Data, [string] $Name)

    $found = Get-MailFerryText -Data $Data -Name $Name
    if (-not $found) { return $null }
    return $found
}

function ConvertTo-MailFerryText {
    # Give a value as a text, as it was sent. PowerShell 7 takes texts that look like moments for moments.
    param([object] $Value)

    if ($Value -is [datetime]) { return ConvertTo-MailFerryMoment -Value $Value }
    return [string] $Value
}

function Get-MailFerryNumber {
    # Give a field as a number.
    param([object] $Data, [string] $Name)

    $found = Get-MailFerryField -Data $Data -Name $Name
    if ($null -eq $found) { return $null }
    if ([double] $found -eq [math]::Floor([double] $found)) { return [long] $found }
    return [double] $found
}

function Get-MailFerryFlag {
    # Give a field as true or false.
    param([object] $Data, [string] $Name)

    $found = Get-MailFerryField -Data $Data -Name $Name
    if ($null -eq $found) { return $null }
    return [bool] $found
}

function Get-MailFerryMoment {
    # Give a field as a moment, in UTC.
    param([object] $Data, [string] $Name)

    $found = Get-MailFerryField -Data $Data -Name $Name
    if ($null -eq $found) { return $null }
    if ($found -is [datetime]) { return $found.ToUniversalTime() }
    return [datetimeoffset]::Parse([string] $found, [cultureinfo]::InvariantCulture).UtcDateTime
}

function Get-MailFerryDuration {
    # Give a field that has seconds as a duration, in whole seconds.
    param([object] $Data, [string] $Name)

    $found = Get-MailFerryField -Data $Data -Name $Name
    if ($null -eq $found) { return $null }
    return [timespan]::FromSeconds([math]::Round([double] $found))
}

function Get-MailFerrySize {
    # Give a field as a number of bytes that prints as Exchange prints sizes: 1.5 GB (1,610,612,736 bytes).
    param([object] $Data, [string] $Name)

    $found = Get-MailFerryField -Data $Data -Name $Name
    if ($null -eq $found) { return $null }
    $shown = {
        $bytes = [long] $this.PSObject.BaseObject
        $culture = [cultureinfo]::InvariantCulture
        $amount = [double] $bytes
        $unit = 'B'
        foreach ($larger in @('KB', 'MB', 'GB', 'TB')) {
            if ($amount -ge 1024) {
                $amount = $amount / 1024
                $unit = $larger
            }
        }
        $amount.ToString('G4', $culture) + ' ' + $unit + ' (' + $bytes.ToString('N0', $culture) + ' bytes)'
    }
    return Add-Member -InputObject ([long] $found) -MemberType 'ScriptMethod' -Name 'ToString' -Value $shown -Force -PassThru
}

function Get-MailFerryList {
    # Give a field that is an array, as texts.
    param([object] $Data, [string] $Name)

    $found = Get-MailFerryField -Data $Data -Name $Name
    $texts = @($found | Where-Object { $null -ne $_ } | ForEach-Object { ConvertTo-MailFerryText -Value $_ })
    return , ([string[]] $texts)
}

function Get-MailFerryLine {
    # Give a field that is an array of objects, each written as a line. {name} in the template is one of its fields.
    param([object] $Data, [string] $Name, [string] $Template)

    $found = Get-MailFerryField -Data $Data -Name $Name
    if ($null -eq $found) { return $null }
    $lines = @()
    foreach ($item in $found) {
        $line = ''
        # What a field holds is not looked at again: it may have braces of its own.
        foreach ($piece in [regex]::Split($Template, '(\{\w+\})')) {
            if ($piece -match '^\{(\w+)\}$') {
                $line += ConvertTo-MailFerryText -Value $item[$Matches[1]]
            } else {
                $line += $piece
            }
        }
        if ($line.Trim()) { $lines += $line.Trim() }
    }
    return , ([string[]] $lines)
}

function Get-MailFerryInner {
    # Give a field that is an array of objects, each made by ConvertTo-MailFerryObject.
    param([object] $Data, [string] $Name, [string] $Kind)

    $found = Get-MailFerryField -Data $Data -Name $Name
    if ($null -eq $found) { return $null }
    return , @($found | ForEach-Object { ConvertTo-MailFerryObject -Kind $Kind -Data $_ })
}
