// Run by Node.js where librechat-data-provider and @continuedev/config-yaml are: argv names librechat.yaml and config.yaml.
// Prints what their schemas leave of them: [file, provider, model, field, number].
import fs from "node:fs";
import * as yaml from "js-yaml";
import { configSchema } from "librechat-data-provider";
import { configYamlSchema, validateConfigYaml } from "@continuedev/config-yaml";

const load = yaml.load ?? yaml.default.load;
const [libreChat, continueDev] = process.argv.slice(2).map((path) => load(fs.readFileSync(path, "utf8")));
const found = [];
for (const endpoint of configSchema.parse(libreChat).endpoints.custom)
  for (const [model, costs] of Object.entries(endpoint.tokenConfig ?? {}))
    for (const [field, value] of Object.entries(costs)) found.push(["librechat", endpoint.name, model, field, value]);
const complaints = validateConfigYaml(continueDev) ?? [];
if (complaints.length) throw new Error(complaints[0].message);
for (const model of configYamlSchema.parse(continueDev).models)
  for (const [field, value] of Object.entries(model.defaultCompletionOptions ?? {}))
    found.push(["continue", model.name, model.model, field, value]);
console.log(JSON.stringify(found));
