# Made by tools/powershell_module.py from the table of cmdlets; do not edit.

function Get-MigrationUser {
    <#
    .SYNOPSIS
    Shows users: one mailbox each.

    .DESCRIPTION
    Shows one user, or those of a batch or a state, in the order in which they were added.

    .PARAMETER Identity
    The user: an address, or the GUID if the address is in several batches.

    .PARAMETER EmailAddress
    The address of the user.

    .PARAMETER MailboxGuid
    The GUID of the user.

    .PARAMETER BatchId
    Those of this batch only.

    .PARAMETER Status
    Those in this state only.

    .PARAMETER StatusSummary
    Those of this group of states only.

    .PARAMETER Search
    Those whose address holds this text, in any case.

    .PARAMETER ResultSize
    How many objects at most: a number, or Unlimited. Default: 1000.

    .PARAMETER IncludeAssociatedUsers
    Taken, without effect.

    .PARAMETER Partition
    Reserved. Taken, without effect.

    .EXAMPLE
    Get-MigrationUser terrya@contoso.edu

    Shows one user.

    .EXAMPLE
    Get-MigrationUser -BatchId IMAPBatch1 -Status Failed

    Shows the users of a batch who failed.

    .EXAMPLE
    Get-MigrationUser -BatchId IMAPBatch1 | Where-Object { $_.SkippedItemCount -gt 0 } | Get-MigrationUserStatistics -IncludeSkippedItems | Format-List Identity,SkippedItems

    Shows what was not copied.

    .NOTES
    Differences from Exchange Online:
    An Identity that does not exist is an error; Exchange Online shows all users then.
    MailboxGuid is the GUID of the user in this service.

    .LINK
    Set-MigrationUser

    .LINK
    Start-MigrationUser

    .LINK
    Stop-MigrationUser

    .LINK
    Remove-MigrationUser

    .LINK
    Connect-MailFerry
    #>
    [CmdletBinding(DefaultParameterSetName = 'Identity', PositionalBinding = $false)]
    [OutputType('MailFerry.MigrationUser')]
    param(
        [Parameter(Position = 0, ValueFromPipeline = $true, ValueFromPipelineByPropertyName = $true, ParameterSetName = 'Identity')]
        [ValidateNotNullOrEmpty()]
        [string] $Identity,

        [Parameter(Mandatory = $true, ParameterSetName = 'EmailAddress')]
        [ValidateNotNullOrEmpty()]
        [string] $EmailAddress,

        [Parameter(Mandatory = $true, ParameterSetName = 'MailboxGuid')]
        [ValidateNotNullOrEmpty()]
        [string] $MailboxGuid,

        [Parameter(ParameterSetName = 'List')]
        [ValidateNotNullOrEmpty()]
        [string] $BatchId,

        [Parameter(ParameterSetName = 'List')]
        [ValidateSet('Queued', 'Syncing', 'Synced', 'IncrementalSyncing', 'IncrementalFailed', 'Stopping', 'Stopped', 'IncrementalStopped', 'Completing', 'Completed', 'CompletedWithWarnings', 'CompletionFailed', 'Failed', 'Removing', 'Corrupted')]
        [string] $Status,

        [Parameter(ParameterSetName = 'List')]
        [ValidateSet('Active', 'Synced', 'Completed', 'Stopped', 'Failed')]
        [string] $StatusSummary,

        [Parameter(ParameterSetName = 'List')]
        [ValidateNotNullOrEmpty()]
        [string] $Search,

        [ValidateScript({ Test-MailFerryUnlimited -Value $_ -Least 1 })]
        [string] $ResultSize = '1000',

        [switch] $IncludeAssociatedUsers,

        [string] $Partition
    )

    begin {
        if ($IncludeAssociatedUsers) {
            Write-Warning -Message '-IncludeAssociatedUsers has no effect.'
        }
    }

    process {
        $given = $PSBoundParameters
        $calls = @()
        try {
            $named = Resolve-MailFerryIdentity -Value $Identity -InputObject $_
            if ($given.ContainsKey('Identity')) {
                $calls += @{
                    Method = 'GET'
                    Path = '/users/' + (ConvertTo-MailFerrySegment -Value $named)
                    Answer = 'One'
                    Kind = 'MigrationUser'
                    Named = $named
                }
            }
            if ($given.ContainsKey('EmailAddress')) {
                $calls += @{
                    Method = 'GET'
                    Path = '/users/' + (ConvertTo-MailFerrySegment -Value $EmailAddress)
                    Answer = 'One'
                    Kind = 'MigrationUser'
                    Named = $EmailAddress
                }
            }
            if ($given.ContainsKey('MailboxGuid')) {
                $calls += @{
                    Method = 'GET'
                    Path = '/users/' + (ConvertTo-MailFerrySegment -Value $MailboxGuid)
                    Answer = 'One'
                    Kind = 'MigrationUser'
                    Named = $MailboxGuid
                }
            }
            if (-not $given.ContainsKey('Identity') -and -not $given.ContainsKey('EmailAddress') -and -not $given.ContainsKey('MailboxGuid')) {
                $query = [ordered]@{}
                if ($given.ContainsKey('BatchId')) { $query['batch'] = $BatchId }
                if ($given.ContainsKey('Status')) { $query['status'] = ConvertTo-MailFerryChoice -Value $Status -Choices @('Queued', 'Syncing', 'Synced', 'IncrementalSyncing', 'IncrementalFailed', 'Stopping', 'Stopped', 'IncrementalStopped', 'Completing', 'Completed', 'CompletedWithWarnings', 'CompletionFailed', 'Failed', 'Removing', 'Corrupted') }
                if ($given.ContainsKey('StatusSummary')) { $query['summary'] = ConvertTo-MailFerryChoice -Value $StatusSummary -Choices @('Active', 'Synced', 'Completed', 'Stopped', 'Failed') }
                if ($given.ContainsKey('Search')) { $query['search'] = $Search }
                $calls += @{
                    Method = 'GET'
                    Path = '/users'
                    Query = $query
                    Answer = 'Pages'
                    Kind = 'MigrationUser'
                    Named = ''
                }
            }
        } catch {
            $PSCmdlet.ThrowTerminatingError($_)
        }
        Invoke-MailFerryCall -Cmdlet $PSCmdlet -Calls $calls -ResultSize $ResultSize
    }
}
