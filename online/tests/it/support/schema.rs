//! Holds JSON to the schemas of the OpenAPI file: the keywords that it uses, and a failure for any other.

use serde_json::Value;

/// The schemas of one document.
pub(crate) struct Schemas<'a>(pub(crate) &'a Value);

impl Schemas<'_> {
    /// What is wrong with `value`, if anything, and where.
    pub(crate) fn check(&self, schema: &Value, value: &Value) -> Result<(), String> {
        self.at("$", schema, value)
    }

    fn at(&self, place: &str, schema: &Value, value: &Value) -> Result<(), String> {
        for (keyword, wanted) in schema.as_object().ok_or("a schema that is not an object")? {
            self.keyword(place, schema, keyword, wanted, value)
                .map_err(|what| match what.starts_with('$') {
                    true => what,
                    false => format!("{place}: {what}: {value}"),
                })?;
        }
        Ok(())
    }

    fn keyword(
        &self,
        place: &str,
        schema: &Value,
        keyword: &str,
        wanted: &Value,
        value: &Value,
    ) -> Result<(), String> {
        let demand = |holds: bool, what: String| if holds { Ok(()) } else { Err(what) };
        let number = || value.as_f64().unwrap_or(f64::NAN);
        // Of a number too: `minimum` says nothing of texts.
        let bounded = |holds: bool| demand(!value.is_number() || holds, format!("{keyword} {wanted}"));
        match keyword {
            "description" | "title" | "default" => Ok(()),
            "$ref" => {
                let target = wanted
                    .as_str()
                    .and_then(|name| self.0.pointer(name.trim_start_matches('#')));
                self.at(place, target.ok_or(format!("no {wanted}"))?, value)
            }
            "type" => {
                let is = |name: &Value| match name.as_str() {
                    Some("object") => value.is_object(),
                    Some("array") => value.is_array(),
                    Some("string") => value.is_string(),
                    Some("boolean") => value.is_boolean(),
                    Some("number") => value.is_number(),
                    Some("integer") => value.is_i64() || value.is_u64(),
                    Some("null") => value.is_null(),
                    _ => false,
                };
                let holds = wanted
                    .as_array()
                    .map_or_else(|| is(wanted), |any| any.iter().any(is));
                demand(holds, format!("no {wanted}"))
            }
            "enum" => demand(
                wanted.as_array().is_some_and(|any| any.contains(value)),
                format!("none of {wanted}"),
            ),
            "const" => demand(wanted == value, format!("not {wanted}")),
            "minimum" => bounded(number() >= wanted.as_f64().unwrap()),
            "maximum" => bounded(number() <= wanted.as_f64().unwrap()),
            "exclusiveMinimum" => bounded(number() > wanted.as_f64().unwrap()),
            "minItems" => {
                let items = value.as_array().map_or(usize::MAX, Vec::len);
                demand(
                    items as u64 >= wanted.as_u64().unwrap(),
                    format!("fewer items than {wanted}"),
                )
            }
            "minLength" => {
                let length = value.as_str().map_or(usize::MAX, |text| text.chars().count());
                demand(
                    length as u64 >= wanted.as_u64().unwrap(),
                    format!("shorter than {wanted}"),
                )
            }
            "pattern" => {
                let fits = value
                    .as_str()
                    .is_none_or(|text| fits(wanted.as_str().unwrap(), text));
                demand(fits, format!("not of the form {wanted}"))
            }
            "items" => {
                let items = value.as_array().into_iter().flatten().enumerate();
                items
                    .into_iter()
                    .try_for_each(|(i, item)| self.at(&format!("{place}[{i}]"), wanted, item))
            }
            "required" => {
                let missing = wanted
                    .as_array()
                    .unwrap()
                    .iter()
                    .find(|name| value.get(name.as_str().unwrap()).is_none());
                demand(!value.is_object() || missing.is_none(), format!("no {missing:?}"))
            }
            "properties" => {
                let known = wanted.as_object().unwrap().iter();
                let given = known.filter_map(|(name, schema)| Some((name, schema, value.get(name)?)));
                given
                    .into_iter()
                    .try_for_each(|(name, schema, value)| self.at(&format!("{place}.{name}"), schema, value))
            }
            "additionalProperties" => {
                assert_eq!(wanted, false, "only `false` is understood");
                let unknown = value.as_object().and_then(|object| {
                    object
                        .keys()
                        .find(|name| schema["properties"].get(name.as_str()).is_none())
                });
                demand(unknown.is_none(), format!("unknown {unknown:?}"))
            }
            "oneOf" => {
                let any = wanted.as_array().unwrap();
                let fitting = any
                    .iter()
                    .filter(|schema| self.at(place, schema, value).is_ok())
                    .count();
                demand(fitting == 1, format!("fits {fitting} of the forms"))
            }
            _ => panic!("{place}: the keyword `{keyword}` is not understood here"),
        }
    }
}

/// Whether `text` is of the one form of pattern that the file has: `^[RANGES]{LEAST,MOST}$`.
fn fits(pattern: &str, text: &str) -> bool {
    let inner = pattern
        .strip_prefix("^[")
        .and_then(|rest| rest.strip_suffix("}$"));
    let (class, count) = inner
        .and_then(|rest| rest.split_once("]{"))
        .unwrap_or_else(|| panic!("pattern {pattern}"));
    let (least, most) = count.split_once(',').unwrap_or((count, count));
    let ranges: Vec<char> = class.chars().collect();
    let is_in = |c: char| ranges.chunks(3).any(|range| range[0] <= c && c <= range[2]);
    let length = text.chars().count();
    (least.parse().unwrap()..=most.parse().unwrap()).contains(&length) && text.chars().all(is_in)
}
