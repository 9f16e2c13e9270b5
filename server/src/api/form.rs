//! In which form a result goes out: as `format` says, else as the client accepts, else JSON.

use axum::http::HeaderMap;
use axum::http::header::ACCEPT;
use mime::Mime;

use super::arguments::FORMAT;
use super::problem::Problem;
use crate::output::ResultForm;

/// The media type of Parquet.
pub const PARQUET: &str = "application/vnd.apache.parquet";

/// A form that results are exported in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// One array of row objects.
    Json,
    /// Comma-separated, with a header.
    Csv,
    /// One Parquet file.
    Parquet,
}

impl Form {
    /// All, the one that is preferred where any will do first.
    pub const ALL: [Form; 3] = [Form::Json, Form::Csv, Form::Parquet];

    /// The name, in `format` and as the ending of a file.
    pub fn name(self) -> &'static str {
        match self {
            Form::Json => "json",
            Form::Csv => "csv",
            Form::Parquet => "parquet",
        }
    }

    /// The media type as it is asked for.
    pub fn media_type(self) -> &'static str {
        match self {
            Form::Json => "application/json",
            Form::Csv => "text/csv",
            Form::Parquet => PARQUET,
        }
    }

    /// The media type as it is told of a result.
    pub fn content_type(self) -> &'static str {
        match self {
            Form::Csv => "text/csv; charset=utf-8; header=present",
            other => other.media_type(),
        }
    }

    /// The form in which it is written.
    pub fn written(self) -> ResultForm {
        match self {
            Form::Json => ResultForm::Json,
            Form::Csv => ResultForm::Csv,
            Form::Parquet => ResultForm::Parquet,
        }
    }

    /// The form that a request wants.
    ///
    /// # Errors
    /// If there is none of that name, or none that it accepts.
    pub fn wanted(named: Option<&str>, headers: &HeaderMap) -> Result<Form, Problem> {
        if let Some(named) = named {
            let form = Form::ALL.into_iter().find(|form| form.name() == named);
            return form.ok_or_else(|| {
                Problem::wrong(format!(
                    "parameter {FORMAT:?} is {named:?}; expected one of {}",
                    Form::ALL.map(Form::name).join(", ")
                ))
            });
        }
        let accepted = headers.get_all(ACCEPT).iter();
        let ranges: Vec<Range> = accepted
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .filter_map(Range::parse)
            .collect();
        if ranges.is_empty() {
            return Ok(Form::Json);
        }
        let mut best: Option<(f32, Form)> = None;
        for form in Form::ALL {
            let quality = quality(form, &ranges);
            if quality > best.map_or(0.0, |(most, _)| most) {
                best = Some((quality, form));
            }
        }
        best.map(|(_, form)| form).ok_or_else(|| {
            Problem::not_acceptable(format!(
                "the header Accept names no form that a result can have; expected one of {}, or the parameter {FORMAT:?}",
                Form::ALL.map(Form::media_type).join(", ")
            ))
        })
    }
}

/// A part of the header Accept (RFC 9110, 12.5.1).
struct Range {
    media: Mime,
    quality: f32,
}

impl Range {
    /// None for what is none: it is accepted by nobody.
    fn parse(text: &str) -> Option<Range> {
        let media: Mime = text.trim().parse().ok()?;
        let quality = match media.get_param("q") {
            Some(quality) => quality.as_str().parse().ok()?,
            None => 1.0,
        };
        Some(Range { media, quality })
    }

    /// How closely it names a media type; none if it does not.
    fn closeness(&self, media: &str) -> Option<u8> {
        if self.media.essence_str() == media {
            return Some(2);
        }
        let kind = self.media.type_();
        match (kind == mime::STAR, self.media.subtype() == mime::STAR) {
            (true, true) => Some(0),
            (false, true) if media.split('/').next() == Some(kind.as_str()) => Some(1),
            _ => None,
        }
    }
}

/// How much a form is wanted: as the range says that names it most closely.
fn quality(form: Form, ranges: &[Range]) -> f32 {
    let close = ranges.iter().filter_map(|range| {
        let closeness = range.closeness(form.media_type())?;
        Some((closeness, range.quality))
    });
    close
        .max_by(|(a, p), (b, q)| a.cmp(b).then(p.total_cmp(q)))
        .map_or(0.0, |(_, quality)| quality)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn a_form_is_found_by_what_is_named_or_accepted() {
        const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
        for (named, accept, form) in [
            (None, None, Some("json")),
            (Some("csv"), None, Some("csv")),
            (Some("parquet"), Some("text/csv"), Some("parquet")),
            (Some("xml"), None, None),
            (Some("CSV"), None, None),
            (Some(""), None, None),
            (None, Some("text/csv"), Some("csv")),
            (None, Some("TEXT/CSV; charset=utf-8"), Some("csv")),
            (None, Some("text/*"), Some("csv")),
            (
                None,
                Some("application/vnd.apache.parquet"),
                Some("parquet"),
            ),
            (None, Some("*/*"), Some("json")),
            (None, Some(BROWSER), Some("json")),
            (
                None,
                Some("text/csv;q=0.5, application/json;q=0.4"),
                Some("csv"),
            ),
            (None, Some("application/json;q=0, */*"), Some("csv")),
            (None, Some("text/html"), None),
            (None, Some("application/json;q=0"), None),
            (None, Some(""), Some("json")),
        ] {
            let mut headers = HeaderMap::new();
            if let Some(accept) = accept {
                headers.insert(ACCEPT, HeaderValue::from_static(accept));
            }
            let found = Form::wanted(named, &headers).ok().map(Form::name);
            assert_eq!(found, form, "{named:?} {accept:?}");
        }
    }
}
