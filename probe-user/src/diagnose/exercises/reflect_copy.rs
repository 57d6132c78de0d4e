//! `reflect-copy`.
//!
//! # What it looks for
//! A line that finds struct fields by name through reflection, again and again.
//! # Why it matters
//! Each look-up walks the struct's fields and compares names (src/reflect/type.go `FieldByName`).
//! # Evidence
//! Calls of `reflect.Value.FieldByName` per line.
//! # What to try
//! A plan per type, made once.
//! # References
//! dive-15.

use super::prelude::*;

/// From the catalogue.
const RATE_PER_S: f64 = 1_000.0;
/// A look-up in a struct of a dozen fields: it is not timed.
const LOOK_UP_NS: f64 = 150.0;

pub static RULE: Rule = Rule {
    name: "reflect-copy",
    exercises: &["dive-15"],
    probes: &["reflect-field"],
    examine,
    advice: Advice {
        refuted_by: "a CPU profile in which reflect is not near the top.",
        cure: "Look the fields up once per type, keep their indexes (reflect.StructField.Index) in a map, and use FieldByIndex; or generate the copy, or write it with type parameters.",
        do_not_bother_when: "It runs at start-up or a few hundred times a second.",
    },
    explanation: Explanation {
        title: "Fields looked up by name through reflection",
        in_the_runtime: "FieldByName compares the name with every field, and walks embedded structs level by level; the result is a Value of three words, whose Set checks types again. Nothing of it is kept for the next call.",
        how_it_is_seen: "Calls are counted per line of the program; encoders of the standard library keep plans and are left out. Found from 1 000 a second.",
        example: "// before\nfor i := range src.NumField() {\n\tname := src.Type().Field(i).Name\n\tdst.FieldByName(name).Set(src.Field(i))\n}\n\n// after\nfor _, pair := range planFor(src.Type(), dst.Type()) {\n\tdst.Field(pair.to).Set(src.Field(pair.from))\n}",
        versions: "Go 1.21 to 1.27 alike.",
    },
};

fn examine(observed: &Observed) -> Judgement {
    observed.frequent(
        "reflect-field",
        RATE_PER_S,
        Calls::directly_by_user,
        fault,
        "no line looks fields up by name a thousand times a second",
    )
}

fn fault(observed: &Observed, site: &AtSite<'_>) -> Fault {
    let share = observed.called_share(site, "reflect.", site.rate_per_s() * LOOK_UP_NS);
    Fault::at(site, "fields are looked up by name through reflection")
        .evidence("look-ups", site.rate_per_s(), "1/s")
        .evidence("CPU for them", share, "share")
        .costs(share)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look_ups(rate: f64) -> Calls {
        calls("reflect-field").per_second(rate)
    }

    #[test]
    fn many_look_ups_are_found_and_weigh_their_time() {
        assert_eq!(
            found(examine(&idle().with(look_ups(100_000.0))))[0].severity(),
            Severity::Warning
        );
    }

    #[test]
    fn a_thousand_is_the_threshold() {
        let faults = found(examine(&idle().with(look_ups(1_000.0))));
        assert_eq!(faults[0].severity(), Severity::Info);
        assert!(is_clear(&examine(&idle().with(look_ups(999.0)))));
    }

    #[test]
    fn the_librarys_own_use_is_silent() {
        let library = look_ups(50_000.0).through_library(&["text/template.(*state).evalField"]);
        assert!(is_clear(&examine(&idle().with(library))));
    }
}
