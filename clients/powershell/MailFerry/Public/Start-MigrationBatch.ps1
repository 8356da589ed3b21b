# Made by tools/powershell_module.py from the table of cmdlets; do not edit.

function Start-MigrationBatch {
    <#
    .SYNOPSIS
    Starts a batch, goes on with a stopped one, or tries its failed users again.

    .DESCRIPTION
    It may be called at any time: users who are at work are not disturbed.

    .PARAMETER Identity
    The batch: its name or its GUID.

    .PARAMETER Validate
    Taken, without effect: the batch is started; Test-MigrationServerAvailability tests its endpoint.

    .PARAMETER Partition
    Reserved. Taken, without effect.

    .EXAMPLE
    Start-MigrationBatch IMAPBatch1

    Starts a batch, goes on with a stopped one, or tries its failed users again.

    .LINK
    New-MigrationBatch

    .LINK
    Get-MigrationBatch

    .LINK
    Set-MigrationBatch

    .LINK
    Stop-MigrationBatch

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

        [switch] $Validate,

        [string] $Partition
    )

    begin {
        if ($Validate) {
            Write-Warning -Message '-Validate has no effect: the batch is started; Test-MigrationServerAvailability tests its endpoint.'
        }
    }

    process {
        $given = $PSBoundParameters
        $calls = @()
        try {
            $named = Resolve-MailFerryIdentity -Value $Identity -InputObject $_
            $calls += @{
                Method = 'POST'
                Path = '/batches/' + (ConvertTo-MailFerrySegment -Value $named) + '/start'
                Answer = 'Nothing'
                Kind = 'MigrationBatch'
                Named = $named
            }
        } catch {
            $PSCmdlet.ThrowTerminatingError($_)
        }
        if (-not $PSCmdlet.ShouldProcess($Identity, 'Starting the migration batch')) { return }
        Invoke-MailFerryCall -Cmdlet $PSCmdlet -Calls $calls -Quiet
    }
}
