//! Names of types, as SQL and the catalog have them.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use pgwire::api::Type;

/// Names a type as SQL does: `numeric(18,4)`, `text[]`. A modifier of -1 is none.
pub fn format_type(oid: u32, modifier: i32) -> String {
    let Some(pg) = Type::from_oid(oid) else {
        return if oid == 0 {
            "-".to_owned()
        } else {
            "???".to_owned()
        };
    };
    if let Some(element) = pg.name().strip_prefix('_') {
        return match element_oid(element) {
            Some(oid) => format!("{}[]", format_type(oid, modifier)),
            None => format!("{element}[]"),
        };
    }
    let name = match pg {
        Type::BOOL => "boolean",
        Type::INT2 => "smallint",
        Type::INT4 => "integer",
        Type::INT8 => "bigint",
        Type::FLOAT4 => "real",
        Type::FLOAT8 => "double precision",
        Type::VARCHAR => "character varying",
        Type::BPCHAR => "character",
        Type::CHAR => "\"char\"",
        Type::TIMESTAMP => "timestamp without time zone",
        Type::TIMESTAMPTZ => "timestamp with time zone",
        Type::TIME => "time without time zone",
        Type::TIMETZ => "time with time zone",
        Type::BIT => "bit",
        Type::VARBIT => "bit varying",
        ref other => other.name(),
    };
    if modifier < 4 {
        return name.to_owned();
    }
    let size = modifier - 4;
    match pg {
        Type::NUMERIC => format!("numeric({},{})", size >> 16, size & 0xffff),
        Type::VARCHAR | Type::BPCHAR => format!("{name}({size})"),
        _ => name.to_owned(),
    }
}

fn element_oid(name: &str) -> Option<u32> {
    // `Type` knows types by their ids alone; those of PostgreSQL itself are below 10,000.
    static BY_NAME: LazyLock<BTreeMap<String, u32>> = LazyLock::new(|| {
        (1..10_000)
            .filter_map(|oid| Some((Type::from_oid(oid)?.name().to_owned(), oid)))
            .collect()
    });
    BY_NAME.get(name).copied()
}

/// Finds the object id of a type by its name, as SQL or the catalog writes it.
pub fn type_oid(name: &str) -> Option<u32> {
    let name = name.trim().trim_start_matches("pg_catalog.").to_lowercase();
    if let Some(element) = name.strip_suffix("[]") {
        let element = Type::from_oid(type_oid(element)?)?;
        return element_oid(&format!("_{}", element.name()));
    }
    let internal = match name.as_str() {
        "boolean" => "bool",
        "smallint" => "int2",
        "integer" | "int" => "int4",
        "bigint" => "int8",
        "real" => "float4",
        "double precision" | "float" => "float8",
        "character varying" => "varchar",
        "character" | "char" => "bpchar",
        "decimal" => "numeric",
        "timestamp without time zone" => "timestamp",
        "timestamp with time zone" => "timestamptz",
        "time without time zone" => "time",
        other => other,
    };
    element_oid(internal)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(1700, ((18 << 16) | 4) + 4, "numeric(18,4)")]
    #[case(1009, -1, "text[]")]
    #[case(1184, -1, "timestamp with time zone")]
    #[case(20, -1, "bigint")]
    fn types_are_named_as_sql_names_them(
        #[case] oid: u32,
        #[case] modifier: i32,
        #[case] expected: &str,
    ) {
        assert_eq!(format_type(oid, modifier), expected);
    }

    #[rstest]
    #[case("text[]", Some(1009))]
    #[case("numeric", Some(1700))]
    #[case("timestamp with time zone", Some(1184))]
    #[case("pg_catalog.int4", Some(23))]
    #[case("nothing", None)]
    fn types_are_found_by_name(#[case] name: &str, #[case] oid: Option<u32>) {
        assert_eq!(type_oid(name), oid);
    }
}
