# Made by tools/powershell_module.py from the table of cmdlets; do not edit.

function Set-MigrationUser {
    <#
    .SYNOPSIS
    Changes one user, or syncs it now.

    .DESCRIPTION
    The settings go before those of the batch.

    .PARAMETER Identity
    The user: an address, or the GUID if the address is in several batches.

    .PARAMETER StartAfter
    Not before this moment. Without a zone it is UTC. $null (in a shell: none) takes it away.

    .PARAMETER CompleteAfter
    Complete by itself when this moment has come. Without a zone it is UTC. $null (in a shell: none) takes it away.

    .PARAMETER Priority
    Users with a higher number go first.

    .PARAMETER SyncNow
    Begin the incremental sync now, and compare all flags.

    .PARAMETER ApproveSkippedItems
    Taken, without effect: skipped items need no approval.

    .PARAMETER Partition
    Reserved. Taken, without effect.

    .EXAMPLE
    Set-MigrationUser terrya@contoso.edu -SyncNow

    Fetches what is new for one user, now.

    .EXAMPLE
    Set-MigrationUser terrya@contoso.edu -CompleteAfter (Get-Date)

    Does the last sync of one user.

    .LINK
    Get-MigrationUser

    .LINK
    Start-MigrationUser

    .LINK
    Stop-MigrationUser

    .LINK
    Remove-MigrationUser

    .LINK
    Connect-MailFerry
    #>
    [CmdletBinding(SupportsShouldProcess = $true, ConfirmImpact = 'Medium', PositionalBinding = $false)]
    param(
        [Parameter(Mandatory = $true, Position = 0, ValueFromPipeline = $true, ValueFromPipelineByPropertyName = $true)]
        [ValidateNotNullOrEmpty()]
        [string] $Identity,

        [Nullable[datetime]] $StartAfter,

        [Nullable[datetime]] $CompleteAfter,

        [int] $Priority,

        [switch] $SyncNow,

        [switch] $ApproveSkippedItems,

        [string] $Partition
    )

    begin {
        if ($ApproveSkippedItems) {
            Write-Warning -Message '-ApproveSkippedItems has no effect: skipped items need no approval.'
        }
    }

    process {
        $given = $PSBoundParameters
        $calls = @()
        try {
            $named = Resolve-MailFerryIdentity -Value $Identity -InputObject $_
            if (Test-MailFerryGiven -Bound $given -Name @('StartAfter', 'CompleteAfter', 'Priority')) {
                $body = [ordered]@{}
                if ($given.ContainsKey('StartAfter')) { $body['start_after'] = ConvertTo-MailFerryMoment -Value $StartAfter }
                if ($given.ContainsKey('CompleteAfter')) { $body['complete_after'] = ConvertTo-MailFerryMoment -Value $CompleteAfter }
                if ($given.ContainsKey('Priority')) { $body['priority'] = $Priority }
                $calls += @{
                    Method = 'PATCH'
                    Path = '/users/' + (ConvertTo-MailFerrySegment -Value $named)
                    Body = $body
                    Answer = 'Nothing'
                    Kind = 'MigrationUser'
                    Named = $named
                }
            }
            if ($SyncNow) {
                $calls += @{
                    Method = 'POST'
                    Path = '/users/' + (ConvertTo-MailFerrySegment -Value $named) + '/sync-now'
                    Answer = 'Nothing'
                    Kind = 'MigrationUser'
                    Named = $named
                }
            }
        } catch {
            $PSCmdlet.ThrowTerminatingError($_)
        }
        if ($calls.Count -eq 0) {
            if (-not (Test-MailFerryGiven -Bound $given -Name @('ApproveSkippedItems', 'Partition'))) {
                Write-Warning -Message 'Set-MigrationUser was given nothing to change.'
            }
            return
        }
        if (-not $PSCmdlet.ShouldProcess($Identity, 'Changing the migration user')) { return }
        Invoke-MailFerryCall -Cmdlet $PSCmdlet -Calls $calls -Quiet
    }
}
