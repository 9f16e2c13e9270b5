//! What a landing tells of its batches: how many events landed, which lines did not.

use super::finish::Written;
use super::read::Arrival;
use super::source::Skipped;
use crate::lake::TableId;

/// The most rejected lines that a report names; `rejected_events` has them all.
const NAMED_REJECTIONS: usize = 100;

/// Reports what a landing did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LandReport {
    /// The number of events that this landing added to the lake.
    pub landed: u64,
    /// The number of events that were dropped because their identity was taken (SPEC E1).
    pub duplicates: u64,
    /// The number of lines that are no events (SPEC E3), those that an earlier landing had kept included.
    pub rejected: u64,
    /// The first of those lines, at most 100.
    pub rejections: Vec<Rejection>,
    /// The number of lines or rows that were read, blank lines included.
    pub lines: u64,
    /// The report of each input, in the order of landing.
    pub inputs: Vec<InputReport>,
    /// The files that were not read.
    pub skipped: Vec<Skipped>,
}

/// Names a rejected line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// The name of its input.
    pub source: String,
    /// Its number in the input, counted from 1.
    pub line: u64,
    /// The reason as `CODE: DETAIL`.
    pub reason: String,
}

/// Reports what was read from one input.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InputReport {
    /// Its name, which its rejected lines have as their source.
    pub source: String,
    /// The number of lines or rows, blank lines included.
    pub lines: u64,
    /// The number of events that passed the checks, duplicates included.
    pub accepted: u64,
    /// The number of lines that did not pass.
    pub rejected: u64,
}

/// Counts as duplicates, of the batches that they came with, what counted as landed until the files were committed.
pub(super) fn count_duplicates(reports: &mut [LandReport], written: &[(TableId, Written)]) {
    for (batch, events) in written.iter().flat_map(|(_, w)| w.duplicates.by_batch()) {
        let report = &mut reports[batch as usize];
        report.landed -= events;
        report.duplicates += events;
    }
}

/// Adds the numbers of one piece of an input to the report, its accepted events as landed.
pub(super) fn count(report: &mut LandReport, input: usize, arrival: &Arrival) {
    let accepted: usize = arrival
        .tables
        .iter()
        .flatten()
        .map(|(rows, _)| rows.num_rows())
        .sum();
    let rejected = arrival.rejected.len() as u64;
    report.lines += arrival.lines;
    report.landed += accepted as u64;
    report.rejected += rejected;
    let input = &mut report.inputs[input];
    let room = NAMED_REJECTIONS - report.rejections.len();
    let named = arrival.rejected.iter().take(room).map(|line| Rejection {
        source: input.source.clone(),
        line: line.line,
        reason: line.reason.clone(),
    });
    report.rejections.extend(named);
    input.lines += arrival.lines;
    input.accepted += accepted as u64;
    input.rejected += rejected;
}
