# Made by tools/powershell_module.py from the table of cmdlets; do not edit.

function Stop-MigrationBatch {
    <#
    .SYNOPSIS
    Stops a batch.

    .DESCRIPTION
    Passes that run end within seconds, and nothing runs until Start-MigrationBatch. What was copied stays.

    .PARAMETER Identity
    The batch: its name or its GUID.

    .PARAMETER Partition
    Reserved. Taken, without effect.

    .EXAMPLE
    Stop-MigrationBatch IMAPBatch1

    Stops a batch.

    .NOTES
    Differences from Exchange Online:
    Identity must be given; Exchange Online takes the current batch without it.

    .LINK
    New-MigrationBatch

    .LINK
    Get-MigrationBatch

    .LINK
    Set-MigrationBatch

    .LINK
    Start-MigrationBatch

    .LINK
    Complete-MigrationBatch

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

        [string] $Partition
    )

    process {
        $given = $PSBoundParameters
        $calls = @()
        try {
            $named = Resolve-MailFerryIdentity -Value $Identity -InputObject $_
            $calls += @{
                Method = 'POST'
                Path = '/batches/' + (ConvertTo-MailFerrySegment -Value $named) + '/stop'
                Answer = 'Nothing'
                Kind = 'MigrationBatch'
                Named = $named
            }
        } catch {
            $PSCmdlet.ThrowTerminatingError($_)
        }
        if (-not $PSCmdlet.ShouldProcess($Identity, 'Stopping the migration batch')) { return }
        Invoke-MailFerryCall -Cmdlet $PSCmdlet -Calls $calls -Quiet
    }
}
