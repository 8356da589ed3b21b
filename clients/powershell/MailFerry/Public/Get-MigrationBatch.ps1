# Made by tools/powershell_module.py from the table of cmdlets; do not edit.

function Get-MigrationBatch {
    <#
    .SYNOPSIS
    Shows batches.

    .DESCRIPTION
    Shows one batch, or all of them by name. Times are UTC.

    .PARAMETER Identity
    The batch: its name or its GUID.

    .PARAMETER Endpoint
    Those of this endpoint only.

    .PARAMETER Status
    Those in this state only.

    .PARAMETER IncludeReport
    Show in Report which rows of the CSV were left out, and why.

    .PARAMETER ResultSize
    How many objects at most: a number, or Unlimited. Default: 1000.

    .PARAMETER DiagnosticInfo
    Taken, without effect: use -Verbose and the log of the service.

    .PARAMETER Partition
    Reserved. Taken, without effect.

    .EXAMPLE
    Get-MigrationBatch -Identity IMAPBatch1 | Format-List

    Shows all about a batch.

    .EXAMPLE
    Get-MigrationBatch -Identity IMAPBatch1 | Format-List Status

    Shows the state of a batch.

    .EXAMPLE
    Get-MigrationBatch -Status SyncedWithErrors

    Shows the batches in which somebody failed.

    .NOTES
    Differences from Exchange Online:
    An Identity that does not exist is an error; Exchange Online shows all batches then.

    .LINK
    New-MigrationBatch

    .LINK
    Set-MigrationBatch

    .LINK
    Start-MigrationBatch

    .LINK
    Stop-MigrationBatch

    .LINK
    Complete-MigrationBatch

    .LINK
    Remove-MigrationBatch

    .LINK
    Connect-MailFerry
    #>
    [CmdletBinding(DefaultParameterSetName = 'Identity', PositionalBinding = $false)]
    [OutputType('MailFerry.MigrationBatch')]
    param(
        [Parameter(Position = 0, ValueFromPipeline = $true, ValueFromPipelineByPropertyName = $true, ParameterSetName = 'Identity')]
        [ValidateNotNullOrEmpty()]
        [string] $Identity,

        [Parameter(ParameterSetName = 'List')]
        [ValidateNotNullOrEmpty()]
        [string] $Endpoint,

        [Parameter(ParameterSetName = 'List')]
        [ValidateSet('Created', 'Waiting', 'Starting', 'Syncing', 'IncrementalSyncing', 'Synced', 'SyncedWithErrors', 'Stopping', 'Stopped', 'Completing', 'Completed', 'CompletedWithErrors', 'Failed', 'Removing', 'Corrupted')]
        [string] $Status,

        [switch] $IncludeReport,

        [ValidateScript({ Test-MailFerryUnlimited -Value $_ -Least 1 })]
        [string] $ResultSize = '1000',

        [string] $DiagnosticInfo,

        [string] $Partition
    )

    begin {
        if ($PSBoundParameters.ContainsKey('DiagnosticInfo')) {
            Write-Warning -Message '-DiagnosticInfo has no effect: use -Verbose and the log of the service.'
        }
    }

    process {
        $given = $PSBoundParameters
        $calls = @()
        try {
            $named = Resolve-MailFerryIdentity -Value $Identity -InputObject $_
            if ($given.ContainsKey('Identity')) {
                $details = @()
                if ($IncludeReport) { $details += @{ Path = '/batches/{guid}/row-errors'; Field = 'row_error_list' } }
                $calls += @{
                    Method = 'GET'
                    Path = '/batches/' + (ConvertTo-MailFerrySegment -Value $named)
                    Answer = 'One'
                    Kind = 'MigrationBatch'
                    Named = $named
                    Details = $details
                }
            }
            if (-not $given.ContainsKey('Identity')) {
                $query = [ordered]@{}
                if ($given.ContainsKey('Endpoint')) { $query['endpoint'] = $Endpoint }
                if ($given.ContainsKey('Status')) { $query['status'] = ConvertTo-MailFerryChoice -Value $Status -Choices @('Created', 'Waiting', 'Starting', 'Syncing', 'IncrementalSyncing', 'Synced', 'SyncedWithErrors', 'Stopping', 'Stopped', 'Completing', 'Completed', 'CompletedWithErrors', 'Failed', 'Removing', 'Corrupted') }
                $details = @()
                if ($IncludeReport) { $details += @{ Path = '/batches/{guid}/row-errors'; Field = 'row_error_list' } }
                $calls += @{
                    Method = 'GET'
                    Path = '/batches'
                    Query = $query
                    Answer = 'Pages'
                    Kind = 'MigrationBatch'
                    Named = ''
                    Details = $details
                }
            }
        } catch {
            $PSCmdlet.ThrowTerminatingError($_)
        }
        Invoke-MailFerryCall -Cmdlet $PSCmdlet -Calls $calls -ResultSize $ResultSize
    }
}
