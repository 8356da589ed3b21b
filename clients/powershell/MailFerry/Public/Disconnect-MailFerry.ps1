function Disconnect-MailFerry {
    <#
    .SYNOPSIS
    Forgets the service and its token.

    .DESCRIPTION
    The cmdlets of this module need Connect-MailFerry again. On the service nothing changes; `mailferry token` makes a
    token worthless there.

    .EXAMPLE
    Disconnect-MailFerry

    Forgets the service and its token.

    .LINK
    Connect-MailFerry
    #>
    [CmdletBinding()]
    param()

    if ($null -ne $script:MailFerryConnection) {
        $script:MailFerryConnection['Token'].Dispose()
        $script:MailFerryConnection = $null
    }
}
