//! Functions of JSON, which are few here: the others are put together from those.

use datafusion::sql::sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments,
};

use super::ast::{arguments, call, object};
use super::{AstPass, Step};

pub(super) const PASS: AstPass = AstPass {
    name: "json-functions",
    bridges: "there are few functions of JSON, and the others are put together from those",
    run: &[Step::Call(|function, name| {
        if !name.contains("json") {
            return None;
        }
        let args: Vec<Expr> = arguments(function)?.into_iter().cloned().collect();
        rewritten(name, &args)
    })],
};

pub(super) const AGGREGATES: AstPass = AstPass {
    name: "json-aggregates",
    bridges: "DataFusion gathers no JSON",
    run: &[Step::Call(aggregate)],
};

fn rewritten(name: &str, args: &[Expr]) -> Option<Expr> {
    let unnested = |list: &str| call("unnest", vec![call(list, args.to_vec())]);
    let normal = |json: &str| call("pg_jsonb", vec![call(json, args.to_vec())]);
    Some(match (name, args) {
        ("json_array_elements", [_]) => unnested("json_items"),
        ("jsonb_array_elements", [_]) => unnested("jsonb_items"),
        ("json_array_elements_text" | "jsonb_array_elements_text", [_]) => {
            unnested("json_item_texts")
        }
        ("json_object_keys" | "jsonb_object_keys", [_]) => unnested("json_keys"),
        ("json_extract_path" | "jsonb_extract_path", [value, steps @ ..]) => {
            let get = if name.starts_with("jsonb") {
                "jsonb_get_path"
            } else {
                "json_get_path"
            };
            call(get, vec![value.clone(), array(steps)])
        }
        ("json_extract_path_text" | "jsonb_extract_path_text", [value, steps @ ..]) => {
            call("pg_json_path_text", vec![value.clone(), array(steps)])
        }
        ("jsonb_build_object", _) => normal("json_build_object"),
        ("jsonb_build_array", _) => normal("json_build_array"),
        ("to_jsonb", [_]) => normal("to_json"),
        ("row_to_json" | "array_to_json", [_]) => call("to_json", args.to_vec()),
        _ => return None,
    })
}

fn array(steps: &[Expr]) -> Expr {
    call("make_array", steps.to_vec())
}

/// `json_agg(x)`: each value as JSON, gathered in the order that is asked for.
fn aggregate(function: &mut Function, name: &str) -> Option<Expr> {
    let normal = match name {
        "json_agg" => false,
        "jsonb_agg" => true,
        _ => return None,
    };
    let mut gathered = function.clone();
    let FunctionArguments::List(list) = &mut gathered.args else {
        return None;
    };
    let [FunctionArg::Unnamed(FunctionArgExpr::Expr(value))] = list.args.as_mut_slice() else {
        return None;
    };
    *value = call("to_json", vec![value.clone()]);
    gathered.name = object("array_agg");
    let made = call("pg_json_gathered", vec![Expr::Function(gathered)]);
    Some(if normal {
        call("pg_jsonb", vec![made])
    } else {
        made
    })
}

#[cfg(test)]
rewrites! {
    PASS functions_are_put_together r"
        json_array_elements(a) ~> unnest(json_items(a))
        jsonb_extract_path(a, 'b', 'c') ~> jsonb_get_path(a, make_array('b', 'c'))
        jsonb_build_object('a', 1) ~> pg_jsonb(json_build_object('a', 1))
        row_to_json(a) ~> to_json(a)
    "
    AGGREGATES values_are_gathered_as_json r"
        json_agg(x ORDER BY y) ~> pg_json_gathered(array_agg(to_json(x) ORDER BY y))
        jsonb_agg(x) ~> pg_jsonb(pg_json_gathered(array_agg(to_json(x))))
    "
}
