# Made by tools/powershell_module.py from the table of cmdlets; do not edit.

function Remove-AcceptedDomain {
    <#
    .SYNOPSIS
    Removes an accepted domain.

    .DESCRIPTION
    Users who are in batches stay as they are.

    .PARAMETER Identity
    The domain: its name or its GUID.

    .EXAMPLE
    Remove-AcceptedDomain Contoso -Confirm:$false

    Removes a domain from the list.

    .LINK
    Get-AcceptedDomain

    .LINK
    New-AcceptedDomain

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
                Path = '/accepted-domains/' + (ConvertTo-MailFerrySegment -Value $named)
                Answer = 'Nothing'
                Kind = 'AcceptedDomain'
                Named = $named
            }
        } catch {
            $PSCmdlet.ThrowTerminatingError($_)
        }
        if (-not $PSCmdlet.ShouldProcess($Identity, 'Removing the accepted domain')) { return }
        Invoke-MailFerryCall -Cmdlet $PSCmdlet -Calls $calls -Quiet
    }
}
