# Made by tools/powershell_module.py from the table of cmdlets; do not edit.

function Remove-MigrationUser {
    <#
    .SYNOPSIS
    Removes a user with the password.

    .DESCRIPTION
    Mail on the target stays.

    .PARAMETER Identity
    The user: an address, or the GUID if the address is in several batches.

    .PARAMETER Force
    Taken, without effect: whatever its state, it can be removed.

    .PARAMETER Partition
    Reserved. Taken, without effect.

    .EXAMPLE
    Remove-MigrationUser terrya@contoso.edu -Confirm:$false

    Removes a user.

    .LINK
    Get-MigrationUser

    .LINK
    Set-MigrationUser

    .LINK
    Start-MigrationUser

    .LINK
    Stop-MigrationUser

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
                Path = '/users/' + (ConvertTo-MailFerrySegment -Value $named)
                Answer = 'Nothing'
                Kind = 'MigrationUser'
                Named = $named
            }
        } catch {
            $PSCmdlet.ThrowTerminatingError($_)
        }
        if (-not $PSCmdlet.ShouldProcess($Identity, 'Removing the migration user')) { return }
        Invoke-MailFerryCall -Cmdlet $PSCmdlet -Calls $calls -Quiet
    }
}
