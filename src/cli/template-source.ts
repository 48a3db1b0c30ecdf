import { AssayError } from "../base/index.ts";
import { createClient } from "../client/index.ts";
import type { Client } from "../client/index.ts";
import { assayError, faultError, isBuiltInTemplate, templateChain, templateReference } from "../contracts/index.ts";
import type { Template, TemplateLink } from "../contracts/index.ts";
import { builtInTemplates, mergedTemplate } from "../planner/index.ts";
import type { Invocation } from "./cli.ts";
import { findConnection, requireConnection } from "./connection.ts";
import type { ConnectionOptions } from "./connection.ts";

interface Found extends TemplateLink {
  template: Template;
}

/** The templates that are built in, and those of the coordinator that the options mean. */
export class TemplateSource {
  private readonly invocation: Invocation<ConnectionOptions>;
  readonly builtIns: readonly Template[] = builtInTemplates();

  constructor(invocation: Invocation<ConnectionOptions>) {
    this.invocation = invocation;
  }

  /** Null where no coordinator is named and none runs here. */
  async client(): Promise<Client | null> {
    const connection = await findConnection(this.invocation.options, this.invocation.context);
    return connection === undefined ? null : createClient(connection);
  }

  /** By `name` or `name@version`, as it was written. Error: unknown_template. */
  async own(reference: string): Promise<Template> {
    const found = await this.find(reference);
    if (found !== undefined) return found.template;
    const near = this.builtIns.map(({ name }) => name).join(", ");
    throw assayError("unknown_template", `there is no template ${reference}; built in are ${near}`);
  }

  /** A template with all that it inherits. Errors: unknown_template, template_cycle. */
  async whole(own: Template, id = own.name): Promise<Template> {
    const known = new Map<string, Found>();
    for (let parent = own.extends; parent !== undefined && !known.has(parent);) {
      const found: Found | undefined = await this.find(parent);
      if (found === undefined) break;
      known.set(parent, found);
      parent = found.parent;
    }
    const chain = templateChain<Found>({ id, parent: own.extends, template: own }, (parent) => known.get(parent));
    if (!chain.ok) throw faultError(chain.error);
    const [first, ...parents] = chain.value.map(({ template }) => template);
    return mergedTemplate([first ?? own, ...parents]);
  }

  private async find(reference: string): Promise<Found | undefined> {
    if (isBuiltInTemplate(reference)) {
      const template = this.builtIns.find(({ name }) => name === reference);
      return template && { id: reference, parent: template.extends, template };
    }
    const { name, version } = templateReference(reference);
    try {
      const client = createClient(await requireConnection(this.invocation.options, this.invocation.context));
      const view = await client.template(name, version);
      return { id: `${name}@${view.version}`, parent: view.template.extends, template: view.template };
    } catch (error) {
      if (error instanceof AssayError && error.code === "not_found") return undefined;
      throw error;
    }
  }
}
