function Connect-MailFerry {
    <#
    .SYNOPSIS
    Says which service the cmdlets of this module talk to.

    .DESCRIPTION
    Asks the service once, so that a wrong address or token is noticed here. Address and token are kept in the memory of
    this session only, the token as a SecureString. A second call replaces the first.

    The service writes its first token to the file `token` in its data folder; `mailferry token` makes more.

    .PARAMETER Uri
    The address of the service, such as http://127.0.0.1:8380. Use https for a service on another machine.

    .PARAMETER Token
    The token, a SecureString.

    .PARAMETER TokenFile
    A file that holds the token and nothing else.

    .EXAMPLE
    Connect-MailFerry -Uri http://127.0.0.1:8380 -TokenFile C:\mailferry-data\token

    Connects with the token in a file.

    .EXAMPLE
    Connect-MailFerry -Uri https://migration.contoso.com -Token (Read-Host -Prompt Token -AsSecureString)

    Connects with a token that is typed.

    .LINK
    Disconnect-MailFerry
    #>
    [CmdletBinding(DefaultParameterSetName = 'Token', PositionalBinding = $false)]
    [OutputType('MailFerry.Connection')]
    param(
        [Parameter(Mandatory = $true, Position = 0)]
        [ValidateNotNull()]
        [uri] $Uri,

        [Parameter(Mandatory = $true, Position = 1, ParameterSetName = 'Token')]
        [ValidateNotNull()]
        [securestring] $Token,

        [Parameter(Mandatory = $true, ParameterSetName = 'TokenFile')]
        [ValidateNotNullOrEmpty()]
        [string] $TokenFile
    )

    $before = $script:MailFerryConnection
    try {
        if (-not $Uri.IsAbsoluteUri -or @('http', 'https') -notcontains $Uri.Scheme) {
            throw (New-MailFerryError -Message "The address '$Uri' is no http or https address." -ErrorId 'InvalidAddress' -Category 'InvalidArgument' -Advice 'Give it as http://127.0.0.1:8380.')
        }
        if ($Uri.Scheme -eq 'http' -and -not $Uri.IsLoopback) {
            Write-Warning -Message "The token and all passwords go to $($Uri.Host) without encryption. Use https."
        }
        if ($PSCmdlet.ParameterSetName -eq 'TokenFile') {
            $Token = Read-MailFerryToken -Path $TokenFile
        }
        $script:MailFerryConnection = @{ Uri = $Uri.AbsoluteUri.TrimEnd('/'); Token = $Token.Copy() }
        $null = Send-MailFerryRequest -Method 'GET' -Path '/config'
    } catch {
        $script:MailFerryConnection = $before
        $PSCmdlet.ThrowTerminatingError($_)
    }
    [pscustomobject]@{ PSTypeName = 'MailFerry.Connection'; Uri = $script:MailFerryConnection['Uri'] }
}
