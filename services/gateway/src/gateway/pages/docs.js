// The API's page: reads /openapi.json, shows every operation, and tries one with the token given. Nothing else is loaded.
"use strict";

const VERBS = ["get", "post", "put", "patch", "delete"];
let api;

function make(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value !== undefined) node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child !== undefined));
  return node;
}

function resolve(schema) {
  const name = schema?.$ref?.split("/").at(-1);
  return name ? { ...api.components.schemas[name], name } : (schema ?? {});
}

function typeName(schema) {
  const found = resolve(schema);
  if (found.name) return found.name;
  if (found.type === "array") return `list of ${typeName(found.items)}`;
  if (found.additionalProperties) return `map to ${typeName(found.additionalProperties)}`;
  return [found.type, found.format].filter(Boolean).join(", ");
}

function fieldTable(title, rows) {
  if (rows.length === 0) return undefined;
  const body = rows.map(([name, type, said]) =>
    make("tr", {}, make("td", {}, make("code", {}, name)), make("td", {}, type), make("td", {}, said ?? "")));
  const head = make("tr", {}, ...["Name", "Type", "Meaning"].map((text) => make("th", { scope: "col" }, text)));
  return make("div", {}, make("h3", {}, title), make("table", {}, make("thead", {}, head), make("tbody", {}, ...body)));
}

function fieldsOf(schema) {
  const found = resolve(schema);
  const required = new Set(found.required ?? []);
  return Object.entries(found.properties ?? {}).map(([name, field]) => {
    const values = resolve(field).enum;
    const said = [field.description ?? "", values ? `One of ${values.join(", ")}.` : ""].join(" ").trim();
    return [required.has(name) ? `${name} *` : name, typeName(field), said];
  });
}

function example(schema, seen = []) {
  const found = resolve(schema);
  if (found.name && seen.includes(found.name)) return {};
  const within = found.name ? [...seen, found.name] : seen;
  if (found.enum) return found.enum[1] ?? found.enum[0];
  if (found.type === "array") return [];
  if (found.additionalProperties) return {};
  if (found.type === "object") {
    const writable = Object.entries(found.properties ?? {}).filter(([, field]) => !field.readOnly);
    return Object.fromEntries(writable.map(([name, field]) => [name, example(field, within)]));
  }
  if (found.type === "boolean") return false;
  if (found.type === "integer" || found.type === "number") return 0;
  return found.examples?.[0] ?? (found.format === "int64" ? "0" : "");
}

function tryIt(verb, path, operation) {
  const fields = (operation.parameters ?? []).map((parameter) => {
    const input = make("input", { autocomplete: "off" });
    return { parameter, input, label: make("label", {}, `${parameter.name} (${parameter.in})`, input) };
  });
  const json = operation.requestBody?.content?.["application/json"];
  const body = json ? make("textarea", { spellcheck: "false" }) : undefined;
  if (body) body.value = JSON.stringify(example(json.schema), null, 2);
  const output = make("pre", { tabindex: "0", "aria-live": "polite", "aria-label": "Answer" }, "Not sent yet.");
  const send = async () => {
    output.textContent = "Sending…";
    try {
      output.textContent = await answerOf(verb, path, fields, body?.value);
    } catch (error) {
      output.textContent = String(error);
    }
  };
  return make("div", {}, make("h3", {}, "Try it"), ...fields.map(({ label }) => label),
    body ? make("label", {}, "Body (JSON)", body) : undefined, make("p", {}, make("button", { type: "button", onclick: send }, "Send")), output);
}

async function answerOf(verb, path, fields, body) {
  const query = new URLSearchParams();
  let address = path;
  for (const { parameter, input } of fields) {
    if (parameter.in === "path") address = address.replace(`{${parameter.name}}`, encodeURIComponent(input.value));
    else if (input.value) query.append(parameter.name, input.value);
  }
  const headers = {};
  const token = document.getElementById("token").value.trim();
  if (token) headers.Authorization = `Bearer ${token}`;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const url = query.size ? `${address}?${query}` : address;
  const answer = await fetch(url, { method: verb.toUpperCase(), headers, body });
  const kind = answer.headers.get("Content-Type") ?? "";
  const content = kind.includes("json") ? JSON.stringify(await answer.json(), null, 2) : `${kind}, ${(await answer.blob()).size} bytes`;
  return `${answer.status} ${answer.statusText}\n${content}`;
}

function operationView(verb, path, operation) {
  const inside = make("div", { class: "inside" });
  const view = make("details", { "data-words": `${verb} ${path} ${operation.operationId} ${operation.description} ${operation["x-merkez-permission"]}`.toLowerCase() },
    make("summary", {}, make("span", { class: "verb" }, verb.toUpperCase()), " ", make("code", {}, path),
      make("span", { class: "said" }, operation.summary ?? "")), inside);
  view.addEventListener("toggle", () => {
    if (!view.open || inside.childElementCount > 0) return;
    const parameters = (operation.parameters ?? []).map((each) => [each.required ? `${each.name} *` : each.name, `${typeName(each.schema)} in ${each.in}`, each.description]);
    const request = operation.requestBody?.content?.["application/json"]?.schema;
    const answer = operation.responses?.["200"]?.content?.["application/json"]?.schema;
    const parts = [make("p", {}, operation.description ?? ""), fieldTable("Parameters", parameters),
      request && fieldTable(`Body: ${typeName(request)}`, fieldsOf(request)), answer && fieldTable(`Answer: ${typeName(answer)}`, fieldsOf(answer)), tryIt(verb, path, operation)];
    inside.append(...parts.filter(Boolean));
  });
  return view;
}

function draw() {
  document.getElementById("about").textContent = api.info.description.replaceAll("`", "");
  const sections = new Map();
  for (const [path, operations] of Object.entries(api.paths)) {
    for (const verb of VERBS.filter((each) => operations[each])) {
      const tag = operations[verb].tags?.[0] ?? "Other";
      if (!sections.has(tag)) sections.set(tag, []);
      sections.get(tag).push(operationView(verb, path, operations[verb]));
    }
  }
  for (const [tag, views] of sections) {
    const title = tag.replace(/Service$/, "");
    document.getElementById("groups").append(make("li", {}, make("a", { href: `#${tag}` }, title)));
    document.getElementById("operations").append(make("section", { "aria-labelledby": tag }, make("h2", { id: tag }, title), ...views));
  }
}

function filter() {
  const wanted = document.getElementById("find").value.trim().toLowerCase().split(/\s+/);
  let shown = 0;
  for (const view of document.querySelectorAll("main details")) {
    view.hidden = !wanted.every((word) => view.dataset.words.includes(word));
    shown += view.hidden ? 0 : 1;
  }
  for (const section of document.querySelectorAll("main section")) section.hidden = !section.querySelector("details:not([hidden])");
  document.getElementById("count").textContent = `${shown} operations`;
}

async function start() {
  api = await (await fetch("/openapi.json")).json();
  draw();
  filter();
  document.getElementById("find").addEventListener("input", filter);
}

start().catch((error) => { document.getElementById("about").textContent = `The document could not be read: ${error}`; });
