using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace HvSdk.Devices.Virtio.Linux.Interop;

/// <summary>One queue of a tap interface: a descriptor of /dev/net/tun, which gives and takes one frame for each call, and never waits.</summary>
internal sealed class TunQueue : IDisposable
{
    private readonly SafeFileHandle _handle;

    private TunQueue(SafeFileHandle handle, string interfaceName)
    {
        _handle = handle;
        InterfaceName = interfaceName;
    }

    /// <summary>The interface's name, as the kernel gave it.</summary>
    public string InterfaceName { get; }

    public SafeFileHandle Handle => _handle;

    /// <summary>Joins a tap interface, which is made where there is none of the name.</summary>
    /// <param name="name">Its name; one with "%d" gets the first free number.</param>
    /// <param name="isMultiQueue">Whether it has several queues.</param>
    /// <param name="headerLength">Bytes before each frame.</param>
    /// <param name="offloads">What may be left to do on frames that are read.</param>
    public static TunQueue Open(string name, bool isMultiQueue, int headerLength, NetworkOffloads offloads)
    {
        int fd = Tun.open(Tun.DevicePath, Tun.O_RDWR | Tun.O_NONBLOCK | Tun.O_CLOEXEC);
        if (fd < 0)
        {
            throw TunError.OfOpen(Marshal.GetLastPInvokeError());
        }

        var handle = new SafeFileHandle(fd, ownsHandle: true);
        try
        {
            string given = Attach(handle, name, isMultiQueue);
            int length = headerLength;
            Check(Tun.ioctl(handle, Tun.TUNSETVNETHDRSZ, ref length), nameof(Tun.TUNSETVNETHDRSZ), given);
            Check(Tun.ioctl(handle, Tun.TUNSETOFFLOAD, (nint)ToFlags(offloads)), nameof(Tun.TUNSETOFFLOAD), given);
            return new TunQueue(handle, given);
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    /// <summary>Takes a frame from the interface.</summary>
    /// <returns>Its bytes with the header's, or the negative error number: EAGAIN where there is none.</returns>
    public int Read(Span<byte> buffer)
    {
        int count = (int)Tun.read(_handle, buffer, (nuint)buffer.Length);
        return count >= 0 ? count : -Marshal.GetLastPInvokeError();
    }

    /// <summary>Hands the interface a frame behind its header.</summary>
    /// <returns>0, or the error number: EBADFD where the interface is gone, EBADF where this object is.</returns>
    public int Write(ReadOnlySpan<byte> buffer) => Write(buffer, static (fd, bytes) => Tun.write(fd, bytes, (nuint)bytes.Length));

    /// <summary>The same, of a frame in pieces, of which the first is the header.</summary>
    /// <returns>As above.</returns>
    public int Write(ReadOnlySpan<HostRange> pieces) => Write(pieces, static (fd, ranges) => Tun.writev(fd, ranges, ranges.Length));

    public void Dispose() => _handle.Dispose();

    /// <summary>A call that a signal has cut short is made again.</summary>
    private int Write<T>(ReadOnlySpan<T> frame, WriteCall<T> call)
    {
        try
        {
            int error;
            do
            {
                error = call(_handle, frame) >= 0 ? 0 : Marshal.GetLastPInvokeError();
            }
            while (error == LibC.EINTR);
            return error;
        }
        catch (ObjectDisposedException)
        {
            return Tun.EBADF;
        }
    }

    private static string Attach(SafeFileHandle handle, string name, bool isMultiQueue)
    {
        Span<byte> request = stackalloc byte[Tun.ifreqSize];
        request.Clear();
        Encoding.ASCII.GetBytes(name, request[..(Tun.IFNAMSIZ - 1)]);
        int flags = Tun.IFF_TAP | Tun.IFF_NO_PI | Tun.IFF_VNET_HDR | (isMultiQueue ? Tun.IFF_MULTI_QUEUE : 0);
        BinaryPrimitives.WriteUInt16LittleEndian(request[Tun.ifr_flags..], (ushort)flags);
        if (Tun.ioctl(handle, Tun.TUNSETIFF, request) < 0)
        {
            throw TunError.OfAttach(name, isMultiQueue, Marshal.GetLastPInvokeError());
        }

        ReadOnlySpan<byte> given = request[..Tun.IFNAMSIZ];
        return Encoding.ASCII.GetString(given[..given.IndexOf((byte)0)]);
    }

    private static uint ToFlags(NetworkOffloads offloads)
    {
        uint flags = offloads.HasFlag(NetworkOffloads.Checksum) ? Tun.TUN_F_CSUM : 0;
        flags |= offloads.HasFlag(NetworkOffloads.TcpIPv4) ? Tun.TUN_F_TSO4 | Tun.TUN_F_TSO_ECN : 0;
        flags |= offloads.HasFlag(NetworkOffloads.TcpIPv6) ? Tun.TUN_F_TSO6 | Tun.TUN_F_TSO_ECN : 0;
        return flags;
    }

    private static void Check(int result, string operation, string name)
    {
        if (result < 0)
        {
            throw TunError.Of(operation, name, Marshal.GetLastPInvokeError());
        }
    }

    private delegate nint WriteCall<T>(SafeFileHandle fd, ReadOnlySpan<T> frame);
}
