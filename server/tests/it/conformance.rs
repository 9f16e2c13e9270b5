//! The conformance cases: what lands, and what the rules say must come out, on every way to a number (SPEC M7).
//!
//! Each case is a folder of `tests/conformance`. It is run
//! - through the binary: `accounts put`, `land`, `derive`, `query`, and over the wire through `serve`;
//! - landed over HTTP, by `POST /v1/events`;
//! - in this process, where many variants are cheap: the lines shuffled and landed in parts with a derive between each,
//!   and derived again by a `backfill` over everything.

mod binary;
mod case;
mod compare;
mod http;
mod posted;
mod process;
pub mod wire;

use case::Case;

/// Makes a test of every case; the list is checked against the folder.
macro_rules! cases {
    ($($name:ident = $folder:literal;)*) => {
        /// The folders of all cases.
        const FOLDERS: &[&str] = &[$($folder),*];

        mod as_given {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                super::process::as_given(&super::Case::load($folder)).await;
            })*
        }

        mod through_the_binary {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                super::binary::run(&super::Case::load($folder)).await;
            })*
        }

        mod posted_over_http {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                super::posted::run(&super::Case::load($folder)).await;
            })*
        }

        mod shuffled_and_split {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                super::process::shuffled_and_split(&super::Case::load($folder)).await;
            })*
        }
    };
}

cases! {
    case_01_web_window_edges = "01-web-window-edges";
    case_02_latest_agent_message = "02-latest-agent-message";
    case_03_ties_bytewise = "03-ties-bytewise";
    case_04_sms_marketing_current = "04-sms-marketing-current";
    case_05_sms_marketing_legacy = "05-sms-marketing-legacy";
    case_06_fallback_when_last_is_out = "06-fallback-when-last-is-out";
    case_07_bots_machines_transactional = "07-bots-machines-transactional";
    case_08_touch_names_conversation = "08-touch-names-conversation";
    case_09_email_and_whatsapp_clicks = "09-email-and-whatsapp-clicks";
    case_10_web_chat_holds = "10-web-chat-holds";
    case_11_linear_units = "11-linear-units";
    case_12_linear_web = "12-linear-web";
    case_13_refunds = "13-refunds";
    case_14_currencies = "14-currencies";
    case_15_order_identity = "15-order-identity";
    case_16_profiles_linked = "16-profiles-linked";
    case_17_order_placed_twice = "17-order-placed-twice";
    case_18_status = "18-status";
    case_19_preview = "19-preview";
    case_20_orphans_and_late_starts = "20-orphans-and-late-starts";
    case_21_second_start = "21-second-start";
    case_22_question_tags_procedures = "22-question-tags-procedures";
    case_23_procedures_performance = "23-procedures-performance";
    case_24_catalogue_events = "24-catalogue-events";
    case_25_dst_days = "25-dst-days";
    case_26_midnight_missing = "26-midnight-missing";
    case_27_half_hour_zones = "27-half-hour-zones";
    case_28_ranges_inclusive = "28-ranges-inclusive";
    case_29_over_midnight = "29-over-midnight";
    case_30_offsets_and_odd_fields = "30-offsets-and-odd-fields";
    case_31_empty_and_unknown_accounts = "31-empty-and-unknown-accounts";
    case_32_idle_timeout = "32-idle-timeout";
    case_33_long_conversation = "33-long-conversation";
    case_34_duplicates = "34-duplicates";
    case_35_rejections = "35-rejections";
    case_36_big_money = "36-big-money";
    case_37_money_as_strings = "37-money-as-strings";
    case_38_malformed_optional_fields = "38-malformed-optional-fields";
    case_39_absent_means_null = "39-absent-means-null";
    case_40_random_1 = "40-random-1";
    case_41_random_2 = "41-random-2";
    case_42_ratings = "42-ratings";
    case_43_recontact = "43-recontact";
    case_44_conversion = "44-conversion";
    case_45_random_200 = "45-random-200";
    case_46_random_201 = "46-random-201";
    case_47_empty_names = "47-empty-names";
    case_48_guests_without_names = "48-guests-without-names";
}

#[test]
fn every_case_is_run() {
    let mut folders: Vec<String> = std::fs::read_dir(case::folder())
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    folders.sort();
    assert_eq!(folders, FOLDERS);
}
