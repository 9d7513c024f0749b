namespace HvSdk.Backends.Hvf.Interop;

/// <summary>hv_return_t (Hypervisor/hv_error.h, arm64/hv_error.h): system 0x3E, subsystem 0xBA5, and the code.</summary>
internal enum HvReturn
{
    HV_SUCCESS = 0,
    HV_ERROR = unchecked((int)0xFAE9_4001),
    HV_BUSY = unchecked((int)0xFAE9_4002),
    HV_BAD_ARGUMENT = unchecked((int)0xFAE9_4003),
    HV_ILLEGAL_GUEST_STATE = unchecked((int)0xFAE9_4004),
    HV_NO_RESOURCES = unchecked((int)0xFAE9_4005),
    HV_NO_DEVICE = unchecked((int)0xFAE9_4006),
    HV_DENIED = unchecked((int)0xFAE9_4007),
    HV_EXISTS = unchecked((int)0xFAE9_4008),
    HV_FAULT = unchecked((int)0xFAE9_4009),
    HV_UNSUPPORTED = unchecked((int)0xFAE9_400F),
}
