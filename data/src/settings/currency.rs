//! The currencies that an account can have.

use std::fmt;
use std::str::FromStr;

/// The ISO 4217 codes in use, ten per line, without `XXX` (no currency) and `XTS` (tests). The Bulgarian lev, withdrawn in
/// 2026, is kept for accounts with a history in it.
const CODES: &str = "\
AED AFN ALL AMD AOA ARS AUD AWG AZN BAM \
BBD BDT BGN BHD BIF BMD BND BOB BOV BRL \
BSD BTN BWP BYN BZD CAD CDF CHE CHF CHW \
CLF CLP CNY COP COU CRC CUP CVE CZK DJF \
DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP \
GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG \
HUF IDR ILS INR IQD IRR ISK JMD JOD JPY \
KES KGS KHR KMF KPW KRW KWD KYD KZT LAK \
LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK \
MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN \
NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK \
PHP PKR PLN PYG QAR RON RSD RUB RWF SAR \
SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP \
STN SVC SYP SZL THB TJS TMT TND TOP TRY \
TTD TWD TZS UAH UGX USD USN UYI UYU UYW \
UZS VED VES VND VUV WST XAD XAF XAG XAU \
XBA XBB XBC XBD XCD XCG XDR XOF XPD XPF \
XPT XSU XUA YER ZAR ZMW ZWG";

/// The accepted form, as error messages state it.
pub(super) const ACCEPTED: &str = "the code of an ISO 4217 currency, three capitals (USD, EUR)";

/// Holds a currency of ISO 4217.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency(&'static str);

/// Reports a text that is no currency code; its message states the accepted form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("accepted: {ACCEPTED}")]
pub struct InvalidCurrency;

impl Currency {
    /// The US dollar, the default.
    pub const USD: Currency = Currency("USD");

    /// Iterates over all currencies, sorted by code.
    pub fn all() -> impl Iterator<Item = Currency> {
        CODES.split(' ').map(Currency)
    }

    /// Returns the code.
    pub const fn code(self) -> &'static str {
        self.0
    }
}

impl FromStr for Currency {
    type Err = InvalidCurrency;

    fn from_str(code: &str) -> Result<Currency, InvalidCurrency> {
        Currency::all()
            .find(|currency| currency.0 == code)
            .ok_or(InvalidCurrency)
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}
