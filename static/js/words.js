// What scripts say to people stands in the templates, translated: data-say-* of #script-words, or of the element that
// a script looks after.
const language = document.documentElement.lang || undefined;
const number = new Intl.NumberFormat(language);
const plurals = new Intl.PluralRules(language);

// words("failed", { count: 2 }) takes data-say-failed, or of data-say-failed-one and -other the one that the
// count calls for, and puts the values where it has {count}.
export function words(key, values = {}, element = document.getElementById("script-words")) {
  const said = element?.dataset ?? {};
  const name = `say${key[0].toUpperCase()}${key.slice(1)}`;
  const form = plurals.select(values.count ?? 0);
  const text = said[name] ?? said[`${name}${form[0].toUpperCase()}${form.slice(1)}`] ?? said[`${name}Other`] ?? key;
  return text.replace(/\{(\w+)\}/g, (_, part) => (typeof values[part] === "number" ? number.format(values[part]) : values[part]));
}
