//! Currencies that an account can be in.

use std::fmt;
use std::str::FromStr;

/// The codes of ISO 4217 that are in use, ten of them a line. Left out are the two that stand for no currency (`XXX`)
/// and for tests (`XTS`). The Bulgarian lev, withdrawn in 2026, stays: histories are in it.
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

/// The accepted form.
pub(super) const ACCEPTED: &str = "the code of an ISO 4217 currency, three capitals (USD, EUR)";

/// A currency of ISO 4217.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency(&'static str);

/// A text that is no currency's code; says what would be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("accepted: {ACCEPTED}")]
pub struct NoCurrency;

impl Currency {
    /// The US dollar, the default.
    pub const USD: Currency = Currency("USD");

    /// All currencies, by code.
    pub fn all() -> impl Iterator<Item = Currency> {
        CODES.split(' ').map(Currency)
    }

    /// Its code.
    pub const fn code(self) -> &'static str {
        self.0
    }
}

impl FromStr for Currency {
    type Err = NoCurrency;

    fn from_str(code: &str) -> Result<Currency, NoCurrency> {
        Currency::all()
            .find(|currency| currency.0 == code)
            .ok_or(NoCurrency)
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}
