metadata description = 'Where logs go and whom alerts reach: workspace, Application Insights without keys, action group.'

@description('Required. Part of every name.')
param token string

@description('Required. Region.')
param location string

@description('Required. Tags.')
param tags object

@description('Required. Resource id of a workspace that is there already; empty: one is made.')
param workspaceId string

@description('Required. Days that logs are kept.')
param retentionInDays int

@description('Required. Most gigabytes a day that the workspace takes; -1: no limit.')
param dailyQuotaGb int

@description('Required. Mail addresses that alerts go to.')
param emails string[]

@description('Required. Address that alerts are posted to; empty: none.')
@secure()
param webhook string

resource workspace 'Microsoft.OperationalInsights/workspaces@2025-02-01' = if (empty(workspaceId)) {
  name: 'log-${token}'
  location: location
  tags: tags
  properties: {
    sku: {
      name: 'PerGB2018'
    }
    retentionInDays: retentionInDays
    features: {
      disableLocalAuth: true
      enableLogAccessUsingOnlyResourcePermissions: true
    }
    workspaceCapping: {
      dailyQuotaGb: dailyQuotaGb
    }
  }
}

resource insights 'Microsoft.Insights/components@2020-02-02' = {
  name: 'appi-${token}'
  location: location
  tags: tags
  kind: 'web'
  properties: {
    Application_Type: 'web'
    DisableLocalAuth: true
    IngestionMode: 'LogAnalytics'
    WorkspaceResourceId: empty(workspaceId) ? workspace.id : workspaceId
  }
}

resource people 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: 'ag-${token}'
  location: 'global'
  tags: tags
  properties: {
    enabled: true
    groupShortName: 'perennial'
    emailReceivers: [
      for email in emails: {
        name: email
        emailAddress: email
        useCommonAlertSchema: true
      }
    ]
    webhookReceivers: empty(webhook)
      ? []
      : [
          {
            name: 'webhook'
            serviceUri: webhook
            useCommonAlertSchema: true
          }
        ]
  }
}

@description('Resource id of the workspace.')
output workspaceId string = empty(workspaceId) ? workspace.id : workspaceId

@description('Resource id of Application Insights.')
output insightsId string = insights.id

@description('Where telemetry is sent. It names the resource; local authentication is off, so that it opens nothing.')
output insightsConnection string = insights.properties.ConnectionString

@description('Resource id of the action group.')
output actionGroupId string = people.id
