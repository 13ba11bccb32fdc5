metadata description = 'Alerts, as queries over the lines that the app writes.'

@description('Required. Part of every name.')
param token string

@description('Required. Region.')
param location string

@description('Required. Tags.')
param tags object

@description('Required. Name of the app, as its telemetry carries it.')
param appName string

@description('Required. Log Analytics workspace that is asked.')
param workspaceId string

@description('Required. Action group that alerts go to.')
param actionGroupId string

@description('Required. Name of the environment, for titles.')
param environmentName string

// severity: 0 critical, 1 error, 2 warning, 3 information. `by`: one alert for each value, told at most once a day.
var alerts = [
  {
    // A dead man's switch: it tells of an hour without a line, whatever the reason.
    name: 'nothing-has-run-for-an-hour'
    says: 'The clock of the app wrote no line for an hour: nothing is renewed and nothing is told.'
    query: loadTextContent('watch/nothing-has-run-for-an-hour.kql')
    severity: 0
    window: 'PT1H'
    every: 'PT15M'
    above: 0
    by: ''
  }
  {
    name: 'no-whole-sweep-for-a-day-and-a-half'
    says: 'What no event tells is only found by a sweep: see the reasons at GET /api/sweeps.'
    query: loadTextContent('watch/no-whole-sweep-for-a-day-and-a-half.kql')
    severity: 1
    window: 'P2D'
    every: 'PT1H'
    above: 0
    by: ''
  }
  {
    name: 'renewal-failing'
    says: 'A renewal keeps failing and less than a fifth of the certificate\'s life is left.'
    query: loadTextContent('watch/renewal-failing.kql')
    severity: 1
    window: 'PT6H'
    every: 'PT15M'
    above: 0
    by: 'certificate'
  }
  {
    name: 'emergency-floor'
    says: 'A managed certificate has a tenth of its life left or less.'
    query: loadTextContent('watch/emergency-floor.kql')
    severity: 1
    window: 'PT6H'
    every: 'PT15M'
    above: 0
    by: 'certificate'
  }
  {
    name: 'expired'
    says: 'A certificate has expired.'
    query: loadTextContent('watch/expired.kql')
    severity: 0
    window: 'PT6H'
    every: 'PT15M'
    above: 0
    by: 'certificate'
  }
  {
    name: 'loop-guard'
    says: 'A certificate is due again right after it was renewed; it is held back.'
    query: loadTextContent('watch/loop-guard.kql')
    severity: 2
    window: 'PT6H'
    every: 'PT1H'
    above: 0
    by: 'certificate'
  }
  {
    name: 'poison-queue'
    says: 'A message could not be handled in five tries. What it was about keeps its place in the schedule.'
    query: loadTextContent('watch/poison-queue.kql')
    severity: 2
    window: 'PT1H'
    every: 'PT15M'
    above: 0
    by: ''
  }
  {
    name: 'deliveries-abandoned'
    says: 'A dependent service could not be told for days, and the notice was given up.'
    query: loadTextContent('watch/deliveries-abandoned.kql')
    severity: 1
    window: 'PT1H'
    every: 'PT15M'
    above: 0
    by: ''
  }
  {
    name: 'vault-throttled'
    says: 'A vault throttles again and again: find out who else calls it.'
    query: loadTextContent('watch/vault-throttled.kql')
    severity: 3
    window: 'PT1H'
    every: 'PT15M'
    above: 3
    by: 'vault'
  }
  {
    name: 'vault-refuses'
    says: 'A vault refuses the app or cannot be reached: a role, a firewall, a name.'
    query: loadTextContent('watch/vault-refuses.kql')
    severity: 1
    window: 'PT1H'
    every: 'PT15M'
    above: 0
    by: 'vault'
  }
  {
    name: 'function-failing'
    says: 'A function fails again and again.'
    query: loadTextContent('watch/function-failing.kql')
    severity: 2
    window: 'PT15M'
    every: 'PT15M'
    above: 3
    by: 'Name'
  }
  {
    name: 'misconfigured'
    says: 'The settings are refused, or nobody is told of what operators must know.'
    query: loadTextContent('watch/misconfigured.kql')
    severity: 1
    window: 'PT1H'
    every: 'PT15M'
    above: 0
    by: ''
  }
]

resource rules 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = [
  for alert in alerts: {
    name: 'alert-${token}-${alert.name}'
    location: location
    tags: tags
    kind: 'LogAlert'
    properties: {
      displayName: 'Perennial ${environmentName}: ${replace(alert.name, '-', ' ')}'
      description: alert.says
      severity: alert.severity
      enabled: true
      scopes: [
        workspaceId
      ]
      evaluationFrequency: alert.every
      windowSize: alert.window
      // The tables come with the first telemetry.
      skipQueryValidation: true
      autoMitigate: empty(alert.by)
      muteActionsDuration: empty(alert.by) ? null : 'P1D'
      criteria: {
        allOf: [
          {
            query: replace(alert.query, '##APP##', appName)
            timeAggregation: 'Count'
            operator: 'GreaterThan'
            threshold: alert.above
            dimensions: empty(alert.by)
              ? []
              : [
                  {
                    name: alert.by
                    operator: 'Include'
                    values: [
                      '*'
                    ]
                  }
                ]
            failingPeriods: {
              numberOfEvaluationPeriods: 1
              minFailingPeriodsToAlert: 1
            }
          }
        ]
      }
      actions: {
        actionGroups: [
          actionGroupId
        ]
      }
    }
  }
]

module workbook 'workbook.bicep' = {
  params: {
    location: location
    tags: tags
    appName: appName
    workspaceId: workspaceId
    environmentName: environmentName
  }
}
