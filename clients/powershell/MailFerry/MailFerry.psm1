# The module: what is in Private is its own, what is in Public it offers. MailFerry.psd1 lists the latter.

# Windows PowerShell 5.1 may offer servers no more than TLS 1.0 otherwise.
if ($PSVersionTable.PSVersion.Major -lt 6) {
    $protocols = [System.Net.ServicePointManager]::SecurityProtocol
    [System.Net.ServicePointManager]::SecurityProtocol = $protocols -bor [System.Net.SecurityProtocolType]::Tls12
}

# What Connect-MailFerry was told: Uri, and Token as a SecureString. It ends with the session.
$script:MailFerryConnection = $null

foreach ($folder in @('Private', 'Public')) {
    $files = Get-ChildItem -Path (Join-Path -Path $PSScriptRoot -ChildPath $folder) -Filter '*.ps1'
    foreach ($file in $files) {
        . $file.FullName
    }
}

$public = Get-ChildItem -Path (Join-Path -Path $PSScriptRoot -ChildPath 'Public') -Filter '*.ps1'
Export-ModuleMember -Function @($public | ForEach-Object { $_.BaseName })
