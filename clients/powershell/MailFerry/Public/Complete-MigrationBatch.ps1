# Made by tools/powershell_module.py from the table of cmdlets; do not edit.

function Complete-MigrationBatch {
    <#
    .SYNOPSIS
    Does the last sync of each synced user, then freezes them.

    .DESCRIPTION
    Completed users are not synced any more. Failed and stopped users stay as they are. A user's own CompleteAfter goes
    before this.

    .PARAMETER Identity
    The batch: its name or its GUID.

    .PARAMETER SyncAndComplete
    Refuse if users have failed or are stopped. The last sync is always done.

    .PARAMETER Partition
    Reserved. Taken, without effect.

    .EXAMPLE
    Complete-MigrationBatch IMAPBatch1

    Does the last sync of each synced user, then freezes them.

    .NOTES
    Differences from Exchange Online:
    A last sync is always part of it; -SyncAndComplete only makes sure that nobody is left behind.

    .LINK
    New-MigrationBatch

    .LINK
    Get-MigrationBatch

    .LINK
    Set-MigrationBatch

    .LINK
    Start-MigrationBatch

    .LINK
    Stop-MigrationBatch

    .LINK
    Remove-MigrationBatch

    .LINK
    Connect-MailFerry
    #>
    [CmdletBinding(SupportsShouldProcess = $true, ConfirmImpact = 'Medium', PositionalBinding = $false)]
    param(
        [Parameter(Mandatory = $true, Position = 0, ValueFromPipeline = $true, ValueFromPipelineByPropertyName = $true)]
        [ValidateNotNullOrEmpty()]
        [string] $Identity,

        [switch] $SyncAndComplete,

        [string] $Partition
    )

    process {
        $given = $PSBoundParameters
        $calls = @()
        try {
            $named = Resolve-MailFerryIdentity -Value $Identity -InputObject $_
            if ($SyncAndComplete) {
                $calls += @{
                    Method = 'GET'
                    Path = '/batches/' + (ConvertTo-MailFerrySegment -Value $named)
                    Answer = 'One'
                    Kind = 'MigrationBatch'
                    Named = $named
                    Zero = @('failed', 'stopped')
                }
            }
            $calls += @{
                Method = 'POST'
                Path = '/batches/' + (ConvertTo-MailFerrySegment -Value $named) + '/complete'
                Answer = 'Nothing'
                Kind = 'MigrationBatch'
                Named = $named
            }
        } catch {
            $PSCmdlet.ThrowTerminatingError($_)
        }
        if (-not $PSCmdlet.ShouldProcess($Identity, 'Completing the migration batch')) { return }
        Invoke-MailFerryCall -Cmdlet $PSCmdlet -Calls $calls -Quiet
    }
}
