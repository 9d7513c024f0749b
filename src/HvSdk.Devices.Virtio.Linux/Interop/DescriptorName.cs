using System.Globalization;

namespace HvSdk.Devices.Virtio.Linux.Interop;

/// <summary>The name that a descriptor has in /proc/self/fd, for calls that take no descriptor opened with O_PATH.</summary>
/// <remarks>It keeps the descriptor open: its number must not become another file's between the naming and the call.</remarks>
internal readonly ref struct DescriptorName
{
    /// <summary>Room for a name.</summary>
    internal const int Size = 16;

    private readonly SafeFd _fd;

    internal DescriptorName(SafeFd fd, Span<byte> buffer)
    {
        bool isHeld = false;
        fd.DangerousAddRef(ref isHeld);
        _fd = fd;
        fd.Number.TryFormat(buffer, out int length, default, CultureInfo.InvariantCulture); // 10 digits at most
        buffer[length] = 0;
        Text = buffer[..(length + 1)];
    }

    /// <summary>The name, with a NUL behind it.</summary>
    internal ReadOnlySpan<byte> Text { get; }

    /// <summary>The descriptor may go.</summary>
    public void Dispose() => _fd.DangerousRelease();
}
