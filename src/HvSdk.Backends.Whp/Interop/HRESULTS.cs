namespace HvSdk.Backends.Whp.Interop;

/// <summary>
/// Results of the platform: of winerror.h (Windows SDK 10.0.26100: WHV_E_*, ERROR_HV_*), as far as a text or a decision hangs on them. The headers
/// of mingw-w64 10.0.0 have only the general ones.
/// </summary>
internal static class HRESULTS
{
    public const int S_OK = 0;
    public const int E_NOTIMPL = unchecked((int)0x80004001);
    public const int E_POINTER = unchecked((int)0x80004003);
    public const int E_FAIL = unchecked((int)0x80004005);
    public const int E_UNEXPECTED = unchecked((int)0x8000FFFF);
    public const int E_ACCESSDENIED = unchecked((int)0x80070005);
    public const int E_HANDLE = unchecked((int)0x80070006);
    public const int E_OUTOFMEMORY = unchecked((int)0x8007000E);
    public const int E_INVALIDARG = unchecked((int)0x80070057);

    /// <summary>HRESULT_FROM_WIN32(ERROR_NO_SYSTEM_RESOURCES).</summary>
    public const int NO_SYSTEM_RESOURCES = unchecked((int)0x800705AA);

    public const int WHV_E_UNKNOWN_CAPABILITY = unchecked((int)0x80370300);
    public const int WHV_E_INSUFFICIENT_BUFFER = unchecked((int)0x80370301);
    public const int WHV_E_UNKNOWN_PROPERTY = unchecked((int)0x80370302);
    public const int WHV_E_UNSUPPORTED_HYPERVISOR_CONFIG = unchecked((int)0x80370303);
    public const int WHV_E_INVALID_PARTITION_CONFIG = unchecked((int)0x80370304);
    public const int WHV_E_GPA_RANGE_NOT_FOUND = unchecked((int)0x80370305);
    public const int WHV_E_VP_ALREADY_EXISTS = unchecked((int)0x80370306);
    public const int WHV_E_VP_DOES_NOT_EXIST = unchecked((int)0x80370307);
    public const int WHV_E_INVALID_VP_STATE = unchecked((int)0x80370308);
    public const int WHV_E_INVALID_VP_REGISTER_NAME = unchecked((int)0x80370309);
    public const int WHV_E_UNSUPPORTED_PROCESSOR_CONFIG = unchecked((int)0x80370310);
    public const int ERROR_HV_INVALID_PARAMETER = unchecked((int)0xC0350005);
    public const int ERROR_HV_ACCESS_DENIED = unchecked((int)0xC0350006);
    public const int ERROR_HV_INVALID_PARTITION_STATE = unchecked((int)0xC0350007);
    public const int ERROR_HV_OPERATION_DENIED = unchecked((int)0xC0350008);
    public const int ERROR_HV_UNKNOWN_PROPERTY = unchecked((int)0xC0350009);
    public const int ERROR_HV_PROPERTY_VALUE_OUT_OF_RANGE = unchecked((int)0xC035000A);
    public const int ERROR_HV_INSUFFICIENT_MEMORY = unchecked((int)0xC035000B);
    public const int ERROR_HV_INVALID_VP_INDEX = unchecked((int)0xC035000E);
    public const int ERROR_HV_INVALID_VP_STATE = unchecked((int)0xC0350015);
    public const int ERROR_HV_FEATURE_UNAVAILABLE = unchecked((int)0xC035001E);
    public const int ERROR_HV_NOT_PRESENT = unchecked((int)0xC0351000);
}
