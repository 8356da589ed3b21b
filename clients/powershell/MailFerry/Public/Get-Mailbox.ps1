# Made by tools/powershell_module.py from the table of cmdlets; do not edit.

function Get-Mailbox {
    <#
    .SYNOPSIS
    Shows the mailboxes of the target, as far as it can tell.

    .DESCRIPTION
    A Maildir target lists its folders. An IMAP target cannot be asked for its users: of it, those are shown who are in
    batches.

    .PARAMETER Identity
    The address of the mailbox.

    .PARAMETER Anr
    Those whose address holds this text, in any case.

    .PARAMETER Filter
    Those for which this holds: properties compared by -eq, -ne, -like or -notlike with texts in quotes, joined by -and,
    -or, -not and brackets.

    .PARAMETER Endpoint
    The target endpoint. Default: the default target.

    .PARAMETER ResultSize
    How many objects at most: a number, or Unlimited. Default: 1000.

    .PARAMETER RecipientTypeDetails
    Taken, without effect.

    .PARAMETER SortBy
    Taken, without effect: use Sort-Object.

    .EXAMPLE
    Get-Mailbox -Anr contoso.edu

    Shows the mailboxes of a domain.

    .EXAMPLE
    Get-Mailbox -Filter "PrimarySmtpAddress -like '*@contoso.edu' -and MigrationStatus -ne 'Completed'"

    Shows those whose migration is not complete.

    .NOTES
    Differences from Exchange Online:
    A filter names the properties that the cmdlet shows, and compares texts only. -and and -or bind alike, from left to
    right.
    Mailboxes are made by the target server, or by the first pass for a Maildir target.

    .LINK
    Connect-MailFerry
    #>
    [CmdletBinding(PositionalBinding = $false)]
    [OutputType('MailFerry.Mailbox')]
    param(
        [Parameter(Position = 0, ValueFromPipeline = $true, ValueFromPipelineByPropertyName = $true)]
        [ValidateNotNullOrEmpty()]
        [string] $Identity,

        [ValidateNotNullOrEmpty()]
        [string] $Anr,

        [ValidateNotNullOrEmpty()]
        [string] $Filter,

        [ValidateNotNullOrEmpty()]
        [string] $Endpoint,

        [ValidateScript({ Test-MailFerryUnlimited -Value $_ -Least 1 })]
        [string] $ResultSize = '1000',

        [string] $RecipientTypeDetails,

        [string] $SortBy
    )

    begin {
        if ($PSBoundParameters.ContainsKey('RecipientTypeDetails')) {
            Write-Warning -Message '-RecipientTypeDetails has no effect.'
        }
        if ($PSBoundParameters.ContainsKey('SortBy')) {
            Write-Warning -Message '-SortBy has no effect: use Sort-Object.'
        }
    }

    process {
        $given = $PSBoundParameters
        $calls = @()
        try {
            $named = Resolve-MailFerryIdentity -Value $Identity -InputObject $_
            if ($given.ContainsKey('Identity')) {
                $query = [ordered]@{}
                if ($given.ContainsKey('Endpoint')) { $query['endpoint'] = $Endpoint }
                $calls += @{
                    Method = 'GET'
                    Path = '/mailboxes/' + (ConvertTo-MailFerrySegment -Value $named)
                    Query = $query
                    Answer = 'One'
                    Kind = 'Mailbox'
                    Named = $named
                }
            }
            if (-not $given.ContainsKey('Identity')) {
                $query = [ordered]@{}
                if ($given.ContainsKey('Anr')) { $query['search'] = $Anr }
                if ($given.ContainsKey('Filter')) { $query['filter'] = $Filter }
                if ($given.ContainsKey('Endpoint')) { $query['endpoint'] = $Endpoint }
                $calls += @{
                    Method = 'GET'
                    Path = '/mailboxes'
                    Query = $query
                    Answer = 'Pages'
                    Kind = 'Mailbox'
                    Named = ''
                }
            }
        } catch {
            $PSCmdlet.ThrowTerminatingError($_)
        }
        Invoke-MailFerryCall -Cmdlet $PSCmdlet -Calls $calls -ResultSize $ResultSize
    }
}
