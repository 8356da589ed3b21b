# Requests to the REST API. Bodies and answers are UTF-8 whatever the version of PowerShell assumes: Windows PowerShell
# 5.1 reads JSON without a charset as Latin-1, so answers are taken as bytes.

function Send-MailFerryRequest {
    # Send a request to /api/v1 and give the text of the answer; throws an error record if the service refuses it.
    # Query and Body are dictionaries; Named and Noun are what the path names, for errors.
    param(
        [string] $Method,
        [string] $Path,
        [System.Collections.IDictionary] $Query = @{},
        [System.Collections.IDictionary] $Body = $null,
        [string] $Named = '',
        [string] $Noun = 'object'
    )

    if ($null -eq $script:MailFerryConnection) {
        throw (New-MailFerryError -Message 'This session is not connected to a service.' -ErrorId 'NotConnected' -Category 'ConnectionError' -Advice 'Run Connect-MailFerry first.')
    }
    $target = $script:MailFerryConnection['Uri'] + '/api/v1' + $Path + (ConvertTo-MailFerryQuery -Query $Query)
    $request = @{
        Uri = $target
        Method = $Method
        Headers = @{
            Authorization = 'Bearer ' + (ConvertFrom-MailFerrySecret -Value $script:MailFerryConnection['Token'])
        }
        # A test of a server takes up to 15 seconds, a CSV of 50,000 rows up to 10.
        TimeoutSec = 60
        # Nobody but the service gets the token.
        MaximumRedirection = 0
        UseBasicParsing = $true
        ErrorAction = 'Stop'
    }
    if ($null -ne $Body) {
        $json = ConvertTo-Json -InputObject $Body -Depth 5 -Compress
        $request['Body'] = [System.Text.Encoding]::UTF8.GetBytes($json)
        $request['ContentType'] = 'application/json; charset=utf-8'
    }
    if ($PSVersionTable.PSVersion.Major -ge 7) {
        $request['SkipHttpErrorCheck'] = $true
        if (([uri] $target).IsLoopback) { $request['NoProxy'] = $true }
    }
    Write-Verbose -Message "$Method $target"
    $answer = Get-MailFerryResponse -Request $request
    if ($answer['Status'] -lt 200 -or $answer['Status'] -ge 300) {
        throw (ConvertTo-MailFerryError -Status $answer['Status'] -Text $answer['Text'] -Named $Named -Noun $Noun)
    }
    return $answer['Text']
}

function Get-MailFerryResponse {
    # Send a request and give Status and Text of the answer, also of one that refuses it.
    param([System.Collections.IDictionary] $Request)

    # The progress bar makes Windows PowerShell many times slower.
    $ProgressPreference = 'SilentlyContinue'
    try {
        $response = Invoke-WebRequest @Request
        $bytes = $response.RawContentStream.ToArray()
        return @{ Status = [int] $response.StatusCode; Text = [System.Text.Encoding]::UTF8.GetString($bytes) }
    } catch {
        # PowerShell 7 comes here only if there is no answer; 5.1 also for each answer that is an error.
        $response = $null
        if ($_.Exception -is [System.Net.WebException]) { $response = $_.Exception.Response }
        if ($null -eq $response) {
            $reason = $_.Exception.Message
            throw (New-MailFerryError -Message "The service at $($script:MailFerryConnection['Uri']) cannot be reached: $reason" -ErrorId 'ServiceUnreachable' -Category 'ConnectionError' -Advice 'Start it by `mailferry serve`, or say where it is by Connect-MailFerry.')
        }
        $stream = $response.GetResponseStream()
        # Invoke-WebRequest has read it already, for its own message.
        if ($stream.CanSeek) { $stream.Position = 0 }
        $reader = New-Object -TypeName 'System.IO.StreamReader' -ArgumentList $stream, ([System.Text.Encoding]::UTF8)
        try {
            return @{ Status = [int] $response.StatusCode; Text = $reader.ReadToEnd() }
        } finally {
            $reader.Dispose()
        }
    }
}

function ConvertTo-MailFerryQuery {
    # Write a query: nothing for an empty one.
    param([System.Collections.IDictionary] $Query)

    $parts = @()
    foreach ($name in $Query.Keys) {
        $value = $Query[$name]
        if ($value -is [bool]) { $value = ([string] $value).ToLowerInvariant() }
        $parts += $name + '=' + [uri]::EscapeDataString([string] $value)
    }
    if ($parts.Count -eq 0) { return '' }
    return '?' + ($parts -join '&')
}

function ConvertTo-MailFerrySegment {
    # Write a name as one segment of a path.
    param([string] $Value)

    $segment = [uri]::EscapeDataString($Value)
    # .NET takes `.` and `..` for steps up the path, and under Windows PowerShell `%2F` and `%5C` for slashes: such a name
    # would be a request about something else.
    $seen = ([uri] "http://localhost/$segment").AbsoluteUri
    if (-not $Value -or $seen -cne "http://localhost/$segment") {
        throw (New-MailFerryError -Message "The name '$Value' cannot stand in an address here." -ErrorId 'InvalidValue' -Category 'InvalidArgument' -Advice 'Use the GUID.')
    }
    return $segment
}

function ConvertFrom-MailFerryJson {
    # Read JSON into dictionaries and arrays. Texts that look like dates stay texts where PowerShell lets them.
    param([string] $Text)

    if ($PSVersionTable.PSVersion.Major -lt 6) {
        # ConvertFrom-Json of Windows PowerShell reads 2 MB at most.
        Add-Type -AssemblyName 'System.Web.Extensions'
        $reader = New-Object -TypeName 'System.Web.Script.Serialization.JavaScriptSerializer'
        $reader.MaxJsonLength = [int]::MaxValue
        return , $reader.DeserializeObject($Text)
    }
    return , (ConvertFrom-Json -InputObject $Text -AsHashtable -NoEnumerate)
}
