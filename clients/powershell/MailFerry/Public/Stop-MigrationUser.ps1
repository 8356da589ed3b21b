# Made by tools/powershell_module.py from the table of cmdlets; do not edit.

function Stop-MigrationUser {
    <#
    .SYNOPSIS
    Stops a user.

    .DESCRIPTION
    The other users of the batch go on.

    .PARAMETER Identity
    The user: an address, or the GUID if the address is in several batches.

    .PARAMETER Partition
    Reserved. Taken, without effect.

    .EXAMPLE
    Stop-MigrationUser terrya@contoso.edu

    Stops a user.

    .EXAMPLE
    Get-MigrationUser -BatchId IMAPBatch1 -Search example.org | Stop-MigrationUser

    The same for several users.

    .LINK
    Get-MigrationUser

    .LINK
    Set-MigrationUser

    .LINK
    Start-MigrationUser

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

        [string] $Partition
    )

    process {
        $given = $PSBoundParameters
        $calls = @()
        try {
            $named = Resolve-MailFerryIdentity -Value $Identity -InputObject $_
            $calls += @{
                Method = 'POST'
                Path = '/users/' + (ConvertTo-MailFerrySegment -Value $named) + '/stop'
                Answer = 'Nothing'
                Kind = 'MigrationUser'
                Named = $named
            }
        } catch {
            $PSCmdlet.ThrowTerminatingError($_)
        }
        if (-not $PSCmdlet.ShouldProcess($Identity, 'Stopping the migration user')) { return }
        Invoke-MailFerryCall -Cmdlet $PSCmdlet -Calls $calls -Quiet
    }
}
