import type { CallExpression, MemberExpression, Node } from "oxc-parser";
import { parsedScript } from "../../frameworks/index.ts";
import type { ParsedScript } from "../../frameworks/index.ts";
import { dottedName, scriptCondition, textOf } from "./script-condition.ts";
import { noFacts } from "./source-facts.ts";
import type { Placed, SourceFacts } from "./source-facts.ts";

const DEVICE = /^(cuda|webgpu|webnn|webnn-(gpu|npu|cpu)|dml|coreml)$/;
/** To ask whether it is there is no use of it. */
const DEVICE_USE = /^((?:globalThis\.|window\.|self\.)?navigator\.(?:gpu|ml))\./;
const LISTING = /^(readdir|readdirSync|opendir|opendirSync|glob|globSync|globby|fg)$/;
const SUITES = new Set(["describe", "suite", "context", "test", "it", "specify", "bench"]);
/** What runs before tests, and skips all of them. */
const HOOKS = new Set(["before", "beforeAll", "beforeEach", "setup"]);
const MAX_TEXT = 200;

/** What stands in a file of JavaScript or TypeScript. */
export async function scriptFacts(path: string, text: string): Promise<SourceFacts> {
  return new ScriptReader(text, await parsedScript(path, text)).facts;
}

class ScriptReader {
  readonly facts: SourceFacts;
  private readonly text: string;
  private readonly lineStarts: readonly number[];
  private readonly parsed: ParsedScript;
  private readonly constants = new Map<string, Node>();
  private readonly strings = new Set<string>();
  private within: string[] = [];
  private guards = 0;
  /** How many functions are around, within the suite, test or hook; in a deeper one than theirs nobody knows who calls it. */
  private depth = 0;
  private surely = 0;

  constructor(text: string, parsed: ParsedScript) {
    this.text = text;
    this.parsed = parsed;
    this.lineStarts = [0, ...[...text.matchAll(/\n/g)].map(({ index }) => index + 1)];
    this.facts = noFacts(parsed.problem === undefined ? undefined : { line: 1, message: parsed.problem });
    for (const node of parsed.program.body) this.rememberConstants(node);
    for (const node of parsed.program.body) this.visit(node);
  }

  private rememberConstants(node: Node): void {
    const meant = node.type === "ExportNamedDeclaration" ? node.declaration : node;
    if (meant?.type !== "VariableDeclaration" || meant.kind !== "const") return;
    for (const { id, init } of meant.declarations) {
      if (id.type === "Identifier" && init !== null) this.constants.set(id.name, init);
    }
  }

  private at(node: Node): Placed {
    let [low, high] = [0, this.lineStarts.length];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if ((this.lineStarts[middle] ?? 0) <= node.start) low = middle;
      else high = middle;
    }
    const line = this.text.slice(this.lineStarts[low], this.lineStarts[low + 1]);
    return { line: low + 1, text: line.trim().slice(0, MAX_TEXT), within: [...this.within] };
  }

  private visit(node: Node): void {
    switch (node.type) {
      case "ImportDeclaration":
        if (node.importKind !== "type") this.loads(node, node.source);
        return;
      case "ExportAllDeclaration":
        if (node.exportKind !== "type") this.loads(node, node.source);
        return;
      case "ExportNamedDeclaration":
        if (node.source === null) break;
        if (node.exportKind !== "type") this.loads(node, node.source);
        return;
      case "ImportExpression":
        this.loads(node, node.source);
        break;
      case "TSExternalModuleReference":
        return this.loads(node, node.expression);
      case "CallExpression":
        return this.call(node);
      case "MemberExpression":
        this.member(node);
        break;
      case "IfStatement":
      case "ConditionalExpression":
        if (node.type === "IfStatement") this.leavesOut(node.test, node.consequent);
        return this.guarded(node.test, node);
      case "LogicalExpression":
        return this.guarded(node.left, node);
      case "Literal":
      case "TemplateElement":
        this.literal(node);
        return;
      case "FunctionDeclaration":
      case "FunctionExpression":
      case "ArrowFunctionExpression":
        this.depth += 1;
        this.children(node);
        this.depth -= 1;
        return;
      default:
        break;
    }
    this.children(node);
  }

  private children(node: Node): void {
    for (const child of this.parsed.childrenOf(node)) this.visit(child);
  }

  private loads(node: Node, source: Node | undefined): void {
    const module = textOf(source);
    const given = source?.type === "TemplateLiteral" ? source.quasis[0]?.value.cooked : undefined;
    if (module !== undefined) this.facts.imports.push({ ...this.at(node), module, names: [], level: 0 });
    else if (given !== undefined && given !== null && /^\.{1,2}\/./.test(given)) {
      this.facts.imports.push({ ...this.at(node), module: given, names: [], level: 0, isPrefix: true });
    } else this.facts.opaque.push(this.at(node));
  }

  private call(node: CallExpression): void {
    const name = dottedName(node.callee) ?? "";
    const [first] = node.arguments;
    if (name === "require" || name === "require.resolve" || name.endsWith(".importActual")) this.loads(node, first);
    if (LISTING.test(name.slice(name.lastIndexOf(".") + 1))) this.facts.lists ??= this.at(node).line;
    const title = textOf(first);
    const isScope = SUITES.has(this.base(node.callee)) && title !== undefined && node.arguments.some(isFunction);
    if (isScope) {
      const { within, depth } = this;
      this.within = [...within, title];
      // Its own conditions are its own wherever it is made, in a loop over values, say.
      this.depth = 0;
      this.scopeConditions(node);
      this.scope(node);
      this.within = within;
      this.depth = depth;
      return;
    }
    if (HOOKS.has(name.slice(name.lastIndexOf(".") + 1)) && node.arguments.some(isFunction)) return this.scope(node);
    const isSkip = /^(test|it|describe)\.(describe\.)?(skip|fixme)$/.test(name) && title === undefined;
    if (isSkip && first !== undefined && !isFunction(first)) this.skip(node, first, false);
    this.children(node);
  }

  private scope(node: Node): void {
    const { depth, surely } = this;
    this.depth = 0;
    this.surely = 1;
    this.children(node);
    this.depth = depth;
    this.surely = surely;
  }

  /** `it` of `it.each(table)`, of `it.skipIf(condition)`, and of a constant that stands for either. */
  private base(node: Node, depth = 0): string {
    if (node.type === "ConditionalExpression") return this.base(node.consequent, depth);
    if (node.type === "TaggedTemplateExpression") return this.base(node.tag, depth);
    if (node.type === "ParenthesizedExpression") return this.base(node.expression, depth);
    const name = (dottedName(node) ?? "").split(".")[0] ?? "";
    const meant = this.constants.get(name);
    return meant === undefined || SUITES.has(name) || depth > 3 ? name : this.base(meant, depth + 1);
  }

  /** On what a suite or test depends by how it is made. */
  private scopeConditions(node: CallExpression): void {
    this.maker(node.callee);
    for (const option of node.arguments) {
      if (option.type !== "ObjectExpression") continue;
      for (const property of option.properties) {
        if (property.type !== "Property" || dottedName(property.key) !== "skip") continue;
        if (property.value.type !== "Literal") this.skip(property, property.value, false);
      }
    }
  }

  private maker(node: Node, depth = 0): void {
    if (node.type === "ParenthesizedExpression") return this.maker(node.expression, depth);
    if (node.type === "ConditionalExpression") {
      const isSkip = (one: Node): boolean => /\.(skip|todo|fixme)$/.test(dottedName(one) ?? "");
      if (isSkip(node.alternate)) this.skip(node, node.test, true);
      else if (isSkip(node.consequent)) this.skip(node, node.test, false);
      return;
    }
    if (node.type === "CallExpression") {
      const name = dottedName(node.callee) ?? "";
      const [condition] = node.arguments;
      if (condition !== undefined && name.endsWith(".skipIf")) this.skip(node, condition, false);
      if (condition !== undefined && name.endsWith(".runIf")) this.skip(node, condition, true);
      return this.maker(node.callee, depth);
    }
    if (node.type === "MemberExpression") return this.maker(node.object, depth);
    const meant = node.type === "Identifier" ? this.constants.get(node.name) : undefined;
    if (meant !== undefined && depth < 3) this.maker(meant, depth + 1);
  }

  private skip(node: Node, condition: Node, runsIf: boolean): void {
    if (this.depth > this.surely) return;
    const read = scriptCondition(condition, this.constants);
    this.facts.skips.push({ ...this.at(node), condition: read, runsIf });
  }

  /** `if (!navigator.gpu) { t.skip(); return; }` */
  private leavesOut(test: Node, consequent: Node): void {
    const body = consequent.type === "BlockStatement" ? consequent.body : [consequent];
    const skips = body.some((one) => {
      const called =
        one.type === "ReturnStatement" ? one.argument : one.type === "ExpressionStatement" && one.expression;
      return Boolean(called) && /^(this|t|ctx|context|test|it)\.skip$/.test(dottedName(called as Node) ?? "");
    });
    if (skips) this.skip(test, test, false);
  }

  private guarded(test: Node, node: Node): void {
    const asks = /navigator\.(gpu|ml)\b/.test(JSON.stringify(scriptCondition(test, this.constants)));
    this.guards += asks ? 1 : 0;
    this.children(node);
    this.guards -= asks ? 1 : 0;
  }

  private member(node: MemberExpression): void {
    const name = dottedName(node)?.match(DEVICE_USE)?.[1];
    if (name === undefined) return;
    this.facts.uses.push({ ...this.at(node), name, kind: "call", guarded: node.optional || this.guards > 0 });
  }

  private literal(node: Node): void {
    const value = node.type === "TemplateElement" ? node.value.cooked : textOf(node);
    if (typeof value !== "string" || value === "" || value.length > MAX_TEXT || value.includes("\n")) return;
    if (DEVICE.test(value)) {
      this.facts.uses.push({ ...this.at(node), name: value, kind: "string", guarded: this.guards > 0 });
    }
    if (this.strings.has(value)) return;
    this.strings.add(value);
    this.facts.strings.push({ value, line: this.at(node).line });
  }
}

function isFunction(node: Node): boolean {
  return node.type === "ArrowFunctionExpression" || node.type === "FunctionExpression";
}
