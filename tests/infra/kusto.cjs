// Reads {query name: text} from standard input and prints {query name: [what is wrong]}, as Kusto's own parser sees it.
// Columns as Azure Monitor documents them for the tables of workspace-based Application Insights; only those that queries may use.
const fs = require('node:fs');
const path = require('node:path');

const folder = path.join(__dirname, '..', '..', 'localazure', 'node_modules', '@kusto', 'language-service-next');
require(path.join(folder, 'bridge.min.js'));
require(path.join(folder, 'Kusto.Language.Bridge.min.js'));

const { GlobalState, KustoCode, Symbols } = globalThis.Kusto.Language;
const TABLES = {
  AppTraces: '(TimeGenerated: datetime, Message: string, SeverityLevel: int, AppRoleName: string, Properties: dynamic, OperationName: string)',
  AppRequests: '(TimeGenerated: datetime, Name: string, Success: bool, ResultCode: string, DurationMs: real, AppRoleName: string, OperationName: string)',
};
const tables = Object.entries(TABLES).map(([name, columns]) => new Symbols.TableSymbol.$ctor7(name, columns, ''));
const globals = GlobalState.Default.WithDatabase(new Symbols.DatabaseSymbol.$ctor1('workspace', tables));

const found = {};
for (const [name, text] of Object.entries(JSON.parse(fs.readFileSync(0, 'utf8')))) {
  const code = KustoCode.ParseAndAnalyze(text, globals);
  const wrong = code.GetDiagnostics();
  found[name] = [];
  for (let i = 0; i < wrong.Count; i++) found[name].push(wrong.getItem(i).Message);
  const columns = code.ResultType && code.ResultType.Columns;
  found[`${name}:columns`] = [];
  for (let i = 0; columns && i < columns.Count; i++) found[`${name}:columns`].push(columns.getItem(i).Name);
}
console.log(JSON.stringify(found));
