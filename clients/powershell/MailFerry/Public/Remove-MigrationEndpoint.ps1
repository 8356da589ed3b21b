# Made by tools/powershell_module.py from the table of cmdlets; do not edit.

function Remove-MigrationEndpoint {
    <#
    .SYNOPSIS
    Removes an endpoint that no batch uses.

    .DESCRIPTION
    The endpoint and its password are removed. It is an error if a batch uses it, or if it is the default target.

    .PARAMETER Identity
    The endpoint: its name or its GUID.

    .EXAMPLE
    Remove-MigrationEndpoint IMAPEndpoint

    Removes an endpoint after a question.

    .LINK
    New-MigrationEndpoint

    .LINK
    Get-MigrationEndpoint

    .LINK
    Set-MigrationEndpoint

    .LINK
    Connect-MailFerry
    #>
    [CmdletBinding(SupportsShouldProcess = $true, ConfirmImpact = 'High', PositionalBinding = $false)]
    param(
        [Parameter(Mandatory = $true, Position = 0, ValueFromPipeline = $true, ValueFromPipelineByPropertyName = $true)]
        [ValidateNotNullOrEmpty()]
        [string] $Identity
    )

    process {
        $given = $PSBoundParameters
        $calls = @()
        try {
            $named = Resolve-MailFerryIdentity -Value $Identity -InputObject $_
            $calls += @{
                Method = 'DELETE'
                Path = '/endpoints/' + (ConvertTo-MailFerrySegment -Value $named)
                Answer = 'Nothing'
                Kind = 'MigrationEndpoint'
                Named = $named
            }
        } catch {
            $PSCmdlet.ThrowTerminatingError($_)
        }
        if (-not $PSCmdlet.ShouldProcess($Identity, 'Removing the migration endpoint')) { return }
        Invoke-MailFerryCall -Cmdlet $PSCmdlet -Calls $calls -Quiet
    }
}
