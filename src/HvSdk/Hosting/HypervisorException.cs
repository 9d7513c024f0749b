namespace HvSdk;

/// <summary>The host refused or failed. A mistake of the caller is an ordinary CLR exception; a mistake of the guest is never an exception.</summary>
public class HypervisorException : Exception
{
    /// <summary>A refusal of the host.</summary>
    /// <param name="backendName">The backend.</param>
    /// <param name="operation">What was tried, in the host's words: "KVM_CREATE_VM".</param>
    /// <param name="nativeErrorCode">The host's error code (Linux: errno; Windows: HRESULT; macOS: hv_return_t).</param>
    /// <param name="reason">Why, in words.</param>
    /// <param name="remedy">What to do about it, or empty.</param>
    public HypervisorException(string backendName, string operation, int nativeErrorCode, string reason, string remedy)
        : base($"{backendName}: {operation} failed: {reason}{(remedy.Length == 0 ? "" : $" {remedy}")}")
    {
        BackendName = backendName;
        Operation = operation;
        NativeErrorCode = nativeErrorCode;
        Reason = reason;
        Remedy = remedy;
    }

    /// <summary>The backend.</summary>
    public string BackendName { get; }

    /// <summary>What was tried, in the host's words.</summary>
    public string Operation { get; }

    /// <summary>The host's error code.</summary>
    public int NativeErrorCode { get; }

    /// <summary>Why, in words.</summary>
    public string Reason { get; }

    /// <summary>What to do about it, or empty.</summary>
    public string Remedy { get; }
}
