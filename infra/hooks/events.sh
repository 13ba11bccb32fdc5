#!/bin/sh
# The second deployment: the event subscriptions of the vaults. azd runs it after the code is there; running it again changes nothing.
set -eu
: "${PERENNIAL_WIRING:?is not set: run azd provision first, it is an output of infra/main.bicep}"
: "${AZURE_ENV_NAME:?is not set}" "${AZURE_LOCATION:?is not set}" "${AZURE_SUBSCRIPTION_ID:?is not set}"

parameters=$(mktemp)
trap 'rm -f "$parameters"' EXIT
printf '{"contentVersion":"1.0.0.0","parameters":{"wiring":{"value":%s}}}\n' "$PERENNIAL_WIRING" >"$parameters"

# A new app takes a minute or two until it has loaded its functions; until then Event Grid refuses them.
left=${PERENNIAL_EVENTS_TRIES:-6}
until az deployment sub create --subscription "$AZURE_SUBSCRIPTION_ID" --name "perennial-events-$AZURE_ENV_NAME" \
    --location "$AZURE_LOCATION" --template-file infra/events.bicep --parameters "@$parameters" --output none; do
    left=$((left - 1))
    if [ "$left" -le 0 ]; then
        echo "The event subscriptions could not be made; the words of Azure are above. The app works without them, only later: its daily sweep finds what no event told." >&2
        echo "Fix: see docs/deploy.md, then run: azd hooks run postdeploy" >&2
        exit 1
    fi
    echo "Not yet; trying again in half a minute ($left left)." >&2
    sleep "${PERENNIAL_EVENTS_PAUSE:-30}"
done
