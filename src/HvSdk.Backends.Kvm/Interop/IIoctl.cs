namespace HvSdk.Backends.Kvm.Interop;

/// <summary>Answers ioctl in place of the kernel, for tests: descriptors that come from it ask it and not the kernel. They are open files all the same, so that they can be mapped and closed.</summary>
internal interface IIoctl
{
    /// <summary>The architecture of its guests.</summary>
    GuestArchitecture Architecture { get; }

    /// <summary>The size of its pages in bytes.</summary>
    int PageSize { get; }

    /// <summary>Opens the device.</summary>
    /// <param name="path">Its path.</param>
    /// <returns>A descriptor, or the negative errno.</returns>
    int Open(string path);

    /// <summary>The call.</summary>
    /// <param name="descriptor">The descriptor.</param>
    /// <param name="request">The request's number.</param>
    /// <param name="argument">Its argument.</param>
    /// <returns>The result, or the negative errno.</returns>
    int Control(int descriptor, uint request, nint argument);

    /// <summary>A descriptor that came from it is about to be closed.</summary>
    /// <param name="descriptor">The descriptor.</param>
    void Closing(int descriptor);
}
