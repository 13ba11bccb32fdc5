# The second deployment: the event subscriptions of the vaults. azd runs it after the code is there; running it again changes nothing.
$ErrorActionPreference = 'Stop'
foreach ($name in 'PERENNIAL_WIRING', 'AZURE_ENV_NAME', 'AZURE_LOCATION', 'AZURE_SUBSCRIPTION_ID') {
    if (-not [Environment]::GetEnvironmentVariable($name)) {
        throw "$name is not set: run azd provision first, it is an output of infra/main.bicep"
    }
}

$parameters = New-TemporaryFile
try {
    # By a file, since no two shells agree on quotes in an argument.
    $body = '{"contentVersion":"1.0.0.0","parameters":{"wiring":{"value":' + $env:PERENNIAL_WIRING + '}}}'
    [IO.File]::WriteAllText($parameters.FullName, $body)

    # A new app takes a minute or two until it has loaded its functions; until then Event Grid refuses them.
    for ($left = 5; ; $left--) {
        az deployment sub create --subscription $env:AZURE_SUBSCRIPTION_ID --name "perennial-events-$env:AZURE_ENV_NAME" `
            --location $env:AZURE_LOCATION --template-file infra/events.bicep --parameters "@$($parameters.FullName)" --output none
        if ($LASTEXITCODE -eq 0) { break }
        if ($left -le 0) {
            throw 'The event subscriptions could not be made; the words of Azure are above. Fix: see docs/deploy.md, then run: azd hooks run postdeploy'
        }
        Write-Warning "Not yet; trying again in half a minute ($left left)."
        Start-Sleep -Seconds 30
    }
}
finally {
    Remove-Item $parameters -Force
}
