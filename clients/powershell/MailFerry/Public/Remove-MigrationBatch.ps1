# Made by tools/powershell_module.py from the table of cmdlets; do not edit.

function Remove-MigrationBatch {
    <#
    .SYNOPSIS
    Removes a batch with its users and their passwords.

    .DESCRIPTION
    Mail on the target stays. The batch is in state Removing until all is gone; then Get-MigrationBatch cannot find it
    any more, and its name is free.

    .PARAMETER Identity
    The batch: its name or its GUID.

    .PARAMETER Force
    Taken, without effect: whatever its state, it can be removed.

    .PARAMETER Partition
    Reserved. Taken, without effect.

    .EXAMPLE
    Remove-MigrationBatch -Identity IMAPBatch1

    Removes a batch after a question.

    .EXAMPLE
    Remove-MigrationBatch IMAPBatch1 -Confirm:$false

    Removes a batch without a question.

    .NOTES
    Differences from Exchange Online:
    Nothing is left over, so -Force changes nothing.

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
    Complete-MigrationBatch

    .LINK
    Connect-MailFerry
    #>
    [CmdletBinding(SupportsShouldProcess = $true, ConfirmImpact = 'High', PositionalBinding = $false)]
    param(
        [Parameter(Mandatory = $true, Position = 0, ValueFromPipeline = $true, ValueFromPipelineByPropertyName = $true)]
        [ValidateNotNullOrEmpty()]
        [string] $Identity,

        [switch] $Force,

        [string] $Partition
    )

    process {
        $given = $PSBoundParameters
        $calls = @()
        try {
            $named = Resolve-MailFerryIdentity -Value $Identity -InputObject $_
            $calls += @{
                Method = 'DELETE'
                Path = '/batches/' + (ConvertTo-MailFerrySegment -Value $named)
                Answer = 'Nothing'
                Kind = 'MigrationBatch'
                Named = $named
            }
        } catch {
            $PSCmdlet.ThrowTerminatingError($_)
        }
        if (-not $PSCmdlet.ShouldProcess($Identity, 'Removing the migration batch')) { return }
        Invoke-MailFerryCall -Cmdlet $PSCmdlet -Calls $calls -Quiet
    }
}
