# What a cmdlet does once it knows its requests.

function Invoke-MailFerryCall {
    # Send requests one after the other and give the objects of their answers. A request that is refused is a
    # non-terminating error of the cmdlet, and ends its requests. Quiet: the cmdlet gives no objects.
    #
    # A call has Method, Path, Query, Body (or none), Answer (One, List, Pages, Nothing, Csv), Kind, Named, and Details:
    # more requests for each object.
    param(
        [System.Management.Automation.PSCmdlet] $Cmdlet,
        [object[]] $Calls,
        [string] $ResultSize = 'Unlimited',
        [switch] $Quiet
    )

    foreach ($call in $Calls) {
        $state = @{ Failed = $false; Given = [long] 0; After = '' }
        do {
            $items = @(Get-MailFerryItem -Cmdlet $Cmdlet -Call $call -ResultSize $ResultSize -State $state)
            foreach ($item in $items) {
                Write-MailFerryRowWarning -Call $call -Item $item
                if (-not $Quiet) { ConvertTo-MailFerryObject -Kind $call['Kind'] -Data $item }
            }
        } while ($state['After'])
        if ($state['Failed']) { return }
    }
}

function Get-MailFerryItem {
    # Send a request and give the objects of the answer. State: After is what the next page begins with, '' if it was the
    # last; Given counts objects; Failed is set after an error.
    param(
        [System.Management.Automation.PSCmdlet] $Cmdlet,
        [System.Collections.IDictionary] $Call,
        [string] $ResultSize,
        [System.Collections.IDictionary] $State
    )

    try {
        $query = Get-MailFerryPageQuery -Call $Call -ResultSize $ResultSize -State $State
        $State['After'] = ''
        $noun = Get-MailFerryNoun -Kind $Call['Kind']
        $text = Send-MailFerryRequest -Method $Call['Method'] -Path $Call['Path'] -Query $query -Body $Call['Body'] -Named $Call['Named'] -Noun $noun
        if ($Call['Answer'] -eq 'Nothing' -or -not $text) { return }
        $answer = ConvertFrom-MailFerryJson -Text $text
        $items = @($answer)
        if ($Call['Answer'] -eq 'Pages') { $items = @($answer['items']) }
        if ($Call['Answer'] -eq 'List' -and $ResultSize -ne 'Unlimited' -and $items.Count -gt [long] $ResultSize) {
            $items = @($items | Select-Object -First ([int] $ResultSize))
        }
        foreach ($item in $items) { Add-MailFerryDetail -Call $Call -Item $item }
        Assert-MailFerryZero -Call $Call -Items $items
    } catch {
        $State['Failed'] = $true
        $Cmdlet.WriteError($_)
        return
    }
    $State['Given'] += $items.Count
    if ($Call['Answer'] -eq 'Pages' -and $answer['next']) { Step-MailFerryPage -Next $answer['next'] -Cmdlet $Cmdlet -ResultSize $ResultSize -State $State }
    $items
}

function Get-MailFerryPageQuery {
    # Give the query of a call, for pages with the page that is wanted.
    param(
        [System.Collections.IDictionary] $Call,
        [string] $ResultSize,
        [System.Collections.IDictionary] $State
    )

    $query = @{}
    foreach ($name in $Call['Query'].Keys) { $query[$name] = $Call['Query'][$name] }
    if ($Call['Answer'] -ne 'Pages') { return $query }
    # The most that the service gives at once.
    $left = [long] 1000
    if ($ResultSize -ne 'Unlimited') { $left = [math]::Min($left, [long] $ResultSize - $State['Given']) }
    $query['limit'] = $left
    if ($State['After']) { $query['after'] = $State['After'] }
    return $query
}

function Step-MailFerryPage {
    # Go on to the next page, unless there are as many objects as were wanted.
    param(
        [string] $Next,
        [System.Management.Automation.PSCmdlet] $Cmdlet,
        [string] $ResultSize,
        [System.Collections.IDictionary] $State
    )

    if ($ResultSize -eq 'Unlimited' -or $State['Given'] -lt [long] $ResultSize) {
        $State['After'] = $Next
    } elseif (-not $Cmdlet.MyInvocation.BoundParameters.ContainsKey('ResultSize')) {
        Write-Warning -Message "Only the first $ResultSize results are shown. -ResultSize gives another number, -ResultSize Unlimited all."
    }
}

function Add-MailFerryDetail {
    # Ask for more about an object, and put it into the object. {name} in a path is a field of it.
    param(
        [System.Collections.IDictionary] $Call,
        [System.Collections.IDictionary] $Item
    )

    foreach ($detail in $Call['Details']) {
        $path = $detail['Path']
        foreach ($match in [regex]::Matches($path, '\{(\w+)\}')) {
            $segment = ConvertTo-MailFerrySegment -Value $Item[$match.Groups[1].Value]
            $path = $path.Replace($match.Value, $segment)
        }
        $Item[$detail['Field']] = ConvertFrom-MailFerryJson -Text (Send-MailFerryRequest -Method 'GET' -Path $path)
    }
}

function Assert-MailFerryZero {
    # Throw if an answer counts users whom the command was not to leave behind.
    param(
        [System.Collections.IDictionary] $Call,
        [object[]] $Items
    )

    if (-not $Call['Zero']) { return }
    foreach ($item in $Items) {
        $some = @($Call['Zero'] | Where-Object { $item[$_] })
        if ($some.Count -gt 0) {
            $counts = @($Call['Zero'] | ForEach-Object { "$($item[$_]) $_" }) -join ' and '
            throw (New-MailFerryError -Message "Nothing was done: the batch '$($item['name'])' has $counts users." -ErrorId 'MigrationStateInvalid' -Category 'InvalidOperation' -Advice 'Mend or remove them first. Without -SyncAndComplete the synced users are completed and these stay.')
        }
    }
}

function Write-MailFerryRowWarning {
    # Say that rows of a CSV were left out.
    param(
        [System.Collections.IDictionary] $Call,
        [System.Collections.IDictionary] $Item
    )

    if ($Call['Method'] -ne 'POST' -or $Call['Kind'] -ne 'MigrationBatch' -or -not $Item['row_errors']) { return }
    $rows = "$($Item['row_errors']) rows of the CSV were"
    if ($Item['row_errors'] -eq 1) { $rows = '1 row of the CSV was' }
    $name = [System.Management.Automation.Language.CodeGeneration]::EscapeSingleQuotedStringContent($Item['name'])
    Write-Warning -Message "$rows left out. Get-MigrationBatch '$name' -IncludeReport | Format-List Report shows why."
}

function Export-MailFerryCsv {
    # Send a request for a CSV, and give its rows as objects or write them to a file; all of them or a part.
    # Count: how many rows, 0 for all.
    param(
        [System.Management.Automation.PSCmdlet] $Cmdlet,
        [object[]] $Calls,
        [string] $File = '',
        [int] $First = 0,
        [int] $Count = 0,
        [switch] $Force
    )

    foreach ($call in $Calls) {
        try {
            if ($File -and -not $Force -and (Test-Path -LiteralPath $File)) {
                throw (New-MailFerryError -Message "The file '$File' already exists." -ErrorId 'FileProblem' -Category 'ResourceExists' -Advice 'Give another name, or replace it by -Force.')
            }
            $noun = Get-MailFerryNoun -Kind 'MigrationBatch'
            $text = Send-MailFerryRequest -Method $call['Method'] -Path $call['Path'] -Query $call['Query'] -Named $call['Named'] -Noun $noun
            $rows = @(ConvertFrom-Csv -InputObject $text | Select-Object -Skip $First)
            if ($Count -gt 0) { $rows = @($rows | Select-Object -First $Count) }
            if ($File) {
                # Without rows there is the line of the columns.
                $lines = @(($text -split '\r?\n')[0])
                if ($rows.Count -gt 0) { $lines = @($rows | ConvertTo-Csv -NoTypeInformation) }
                $text = ($lines -join "`r`n") + "`r`n"
                $encoding = New-Object -TypeName 'System.Text.UTF8Encoding' -ArgumentList $false
                [System.IO.File]::WriteAllText((Resolve-MailFerryPath -Path $File), $text, $encoding)
                $rows = @()
            }
        } catch {
            $Cmdlet.WriteError($_)
            return
        }
        foreach ($row in $rows) {
            $row.PSObject.TypeNames.Insert(0, 'MailFerry.' + $call['Kind'])
            $row
        }
    }
}
