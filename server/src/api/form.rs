//! Chooses the form of a result: by the parameter `format`, else by the header `Accept`, else JSON.

use axum::http::HeaderMap;
use axum::http::header::ACCEPT;
use mime::Mime;

use super::arguments::FORMAT;
use super::problem::Problem;
use crate::output::ResultForm;

/// The media type of Parquet.
pub const PARQUET: &str = "application/vnd.apache.parquet";

/// Represents a form that results are exported in.
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
    /// All forms; the first is preferred where the client accepts several equally.
    pub const ALL: [Form; 3] = [Form::Json, Form::Csv, Form::Parquet];

    /// Names the form, as in the parameter `format` and in a file's extension.
    pub fn name(self) -> &'static str {
        match self {
            Form::Json => "json",
            Form::Csv => "csv",
            Form::Parquet => "parquet",
        }
    }

    /// Returns the media type that a client accepts it by.
    pub fn media_type(self) -> &'static str {
        match self {
            Form::Json => "application/json",
            Form::Csv => "text/csv",
            Form::Parquet => PARQUET,
        }
    }

    /// Returns the media type that a response declares.
    pub fn content_type(self) -> &'static str {
        match self {
            Form::Csv => "text/csv; charset=utf-8; header=present",
            other => other.media_type(),
        }
    }

    /// Converts to the form of [`crate::output`].
    pub fn result_form(self) -> ResultForm {
        match self {
            Form::Json => ResultForm::Json,
            Form::Csv => ResultForm::Csv,
            Form::Parquet => ResultForm::Parquet,
        }
    }

    /// Chooses the form that a request asks for.
    ///
    /// # Errors
    /// If no form has that name, or the client accepts none.
    pub fn negotiate(named: Option<&str>, headers: &HeaderMap) -> Result<Form, Problem> {
        if let Some(named) = named {
            let form = Form::ALL.into_iter().find(|form| form.name() == named);
            return form.ok_or_else(|| {
                Problem::bad_request(format!(
                    "parameter {FORMAT:?} is {named:?}; expected one of {}",
                    Form::ALL.map(Form::name).join(", ")
                ))
            });
        }
        let accepted = headers.get_all(ACCEPT).iter();
        let ranges: Vec<MediaRange> = accepted
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .filter_map(MediaRange::parse)
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

/// Represents a media range of the header `Accept` (RFC 9110, 12.5.1).
struct MediaRange {
    media: Mime,
    quality: f32,
}

impl MediaRange {
    /// Parses a media range; none if it is malformed, which then accepts nothing.
    fn parse(text: &str) -> Option<MediaRange> {
        let media: Mime = text.trim().parse().ok()?;
        let quality = match media.get_param("q") {
            Some(quality) => quality.as_str().parse().ok()?,
            None => 1.0,
        };
        Some(MediaRange { media, quality })
    }

    /// Returns how specifically the range names a media type, from 0 to 2; none if it does not cover it.
    fn specificity(&self, media: &str) -> Option<u8> {
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

/// Returns the quality of a form: that of the most specific range which covers it.
fn quality(form: Form, ranges: &[MediaRange]) -> f32 {
    let covering = ranges.iter().filter_map(|range| {
        let specificity = range.specificity(form.media_type())?;
        Some((specificity, range.quality))
    });
    covering
        .max_by(|(a, p), (b, q)| a.cmp(b).then(p.total_cmp(q)))
        .map_or(0.0, |(_, quality)| quality)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn the_parameter_decides_the_form_then_the_header_then_json() {
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
            let found = Form::negotiate(named, &headers).ok().map(Form::name);
            assert_eq!(found, form, "{named:?} {accept:?}");
        }
    }
}
