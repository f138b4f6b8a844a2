// What the editor of the query page can do beside: it offers the tables and columns of the lake,
// and is as dark as the page. Names are data: CodeMirror is given them as texts.
import * as CM from "nicegui-codemirror";

const PLAIN = /^[a-z_][a-z0-9_]*$/;

const written = (name) => (PLAIN.test(name) ? name : `"${name.replaceAll('"', '""')}"`);

const column = (boost) => ([name, kind]) => ({
  label: name,
  apply: written(name),
  type: "property",
  detail: kind.slice(0, 40),
  boost,
});

function source(tables) {
  const names = Object.keys(tables).map((name) => ({
    label: name,
    apply: written(name),
    type: "class",
    detail: "table",
    boost: 2,
  }));
  return (context) => {
    const dotted = context.matchBefore(/"?([\w$]+)"?\.[\w$]*$/);
    if (dotted) {
      const [table, start] = dotted.text.replaceAll('"', "").split(".");
      if (!Object.hasOwn(tables, table)) return null;
      return { from: context.pos - start.length, options: tables[table].map(column(1)) };
    }
    const word = context.matchBefore(/[\w$]+$/);
    if (!word && !context.explicit) return null;
    // Columns of the tables that the query names, of all while it names none.
    const text = context.state.doc.toString();
    let named = Object.keys(tables).filter((name) => text.includes(name));
    if (!named.length) named = Object.keys(tables);
    const columns = new Map(named.flatMap((name) => tables[name]).map((one) => [one[0], one]));
    return {
      from: word ? word.from : context.pos,
      options: [...[...columns.values()].map(column(3)), ...names],
    };
  };
}

async function editorOf(id) {
  const component = getElement(id);
  return { component, view: component.editor ?? (await component.editorPromise) };
}

export async function offer(id, tables) {
  const { view } = await editorOf(id);
  const complete = source(tables);
  view.dispatch({
    effects: CM.StateEffect.appendConfig.of(
      CM.EditorState.languageData.of(() => [{ autocomplete: complete }]),
    ),
  });
}

export async function adapt(id) {
  const { component, view } = await editorOf(id);
  view.contentDOM.setAttribute("aria-label", "SQL");
  // The keyboard leaves the editor by Tab, as it leaves every field.
  view.setTabFocusMode(true);
  const paint = () =>
    component.setTheme(document.body.classList.contains("body--dark") ? "githubDark" : "githubLight");
  new MutationObserver(paint).observe(document.body, { attributeFilter: ["class"] });
  paint();
}
