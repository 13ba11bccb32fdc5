metadata description = 'What is wrong with a parameter file, in sentences. Evaluated before anything is created.'

@description('Return a sentence for each resource id that is not one of a vault.')
func notVaults(ids string[]) string[] =>
  map(
    filter(
      ids,
      id => length(split(id, '/')) != 9 || !startsWith(toLower(id), '/subscriptions/') || !contains(toLower(id), '/providers/microsoft.keyvault/vaults/')
    ),
    id => '"${id}" is not the resource id of a vault: see az keyvault show --name NAME --query id.'
  )

@description('Return a sentence for each vault that is named again. Names are unique in a cloud, and their case does not count.')
func duplicates(names string[]) string[] =>
  map(
    filter(names, (name, i) => indexOf(names, name) != i),
    name => 'The vault ${name} is named twice: write each vault once.'
  )

@description('Return a sentence for each resource id that is given and is not one of a system topic.')
func notSystemTopics(ids string[]) string[] =>
  map(
    filter(
      ids,
      id => !empty(id) && (length(split(id, '/')) != 9 || !contains(toLower(id), '/providers/microsoft.eventgrid/systemtopics/'))
    ),
    id => '"${id}" is not the resource id of a system topic: see az eventgrid system-topic list --query "[].id".'
  )

@description('Return a sentence if a condition holds.')
func when(condition bool, sentence string) string[] => condition ? [sentence] : []

@description('What is looked at.')
type lookedAtType = {
  @description('Required. Resource ids of the vaults.')
  vaultIds: string[]

  @description('Required. Names of the vaults, in small letters.')
  vaultNames: string[]

  @description('Required. Resource ids of system topics; empty where there is none.')
  systemTopicIds: string[]

  @description('Required. Zones of Azure DNS whose options do not say where they are.')
  zonesWithoutPlace: string[]

  @description('Required. The cloud that the parameter file is for.')
  cloud: string

  @description('Required. Whether clouds.json has a block for it.')
  isKnown: bool

  @description('Required. The cloud that the deployer is signed in to.')
  signedInTo: string

  @description('Required. Whether Flex Consumption is asked for.')
  needsFlex: bool

  @description('Required. Whether the cloud has it.')
  hasFlex: bool

  @description('Required. How many of the two subnets of an isolated app are given.')
  subnetsGiven: int
}

@export()
@description('Return every fault as a sentence with its fix.')
func faultsOf(given lookedAtType) string[] =>
  concat(
    notVaults(given.vaultIds),
    duplicates(given.vaultNames),
    notSystemTopics(given.systemTopicIds),
    when(
      empty(given.vaultIds),
      'No vault is given: list existing ones in the parameter vaults, or name one to make in newVault.'
    ),
    map(
      given.zonesWithoutPlace,
      zone => 'The zone ${zone} is kept by Azure DNS: give subscription and resource_group in its options, so that the app gets a role on it.'
    ),
    when(!given.isKnown, 'The cloud ${given.cloud} is not known: write AzureCloud, AzureUSGovernment or AzureChinaCloud.'),
    when(
      given.cloud != given.signedInTo,
      'The parameter file is for ${given.cloud}, and you are signed in to ${given.signedInTo}: az cloud set --name ${given.cloud}.'
    ),
    when(
      given.needsFlex && !given.hasFlex,
      'Flex Consumption is not in ${given.cloud}: set the member hosting of the parameter plan to premium.'
    ),
    when(
      given.subnetsGiven == 1,
      'Of the two subnets one is given: give both integrationSubnetId and endpointSubnetId, or neither.'
    )
  )
