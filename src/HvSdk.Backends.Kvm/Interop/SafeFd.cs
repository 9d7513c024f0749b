using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace HvSdk.Backends.Kvm.Interop;

/// <summary>A file descriptor of the backend's own.</summary>
internal sealed unsafe class SafeFd : SafeHandle
{
    private readonly IIoctl? _ioctl;

    private SafeFd(int fd, IIoctl? ioctl = null)
        : base(-1, ownsHandle: true)
    {
        _ioctl = ioctl;
        SetHandle(fd);
    }

    public override bool IsInvalid => handle == -1;

    /// <summary>The number, for structures and for callers that keep the handle alive themselves.</summary>
    internal int Number => (int)handle;

    /// <summary>The architecture of the guests behind it: this machine's, where the kernel answers.</summary>
    internal GuestArchitecture Architecture => _ioctl?.Architecture ?? KvmBackend.NativeArchitecture ?? GuestArchitecture.X64;

    /// <summary>The page size of the kernel behind it.</summary>
    internal int PageSize => _ioctl?.PageSize ?? Environment.SystemPageSize;

    /// <summary>Takes a descriptor that a call has just returned.</summary>
    /// <param name="fd">The call's result, -1 where it failed.</param>
    /// <param name="operation">The call.</param>
    internal static SafeFd Take(int fd, string operation) => new(KvmError.Check(fd, operation));

    /// <summary>Opens a device.</summary>
    /// <param name="path">Its path.</param>
    /// <param name="ioctl">What answers for it, or null: the kernel.</param>
    /// <param name="error">errno, where it cannot be opened.</param>
    /// <returns>The descriptor, or null with the error.</returns>
    internal static SafeFd? TryOpen(string path, IIoctl? ioctl, out int error)
    {
        if (ioctl is not null)
        {
            int descriptor = ioctl.Open(path);
            error = descriptor < 0 ? -descriptor : 0;
            return descriptor < 0 ? null : new SafeFd(descriptor, ioctl);
        }

        byte[] name = Encoding.UTF8.GetBytes(path + '\0');

        // SAFETY: the pinned name ends with a zero byte and outlives the call.
        fixed (byte* pointer = name)
        {
            int fd = LibC.open(pointer, LibC.O_RDWR | LibC.O_CLOEXEC);
            error = fd < 0 ? Marshal.GetLastPInvokeError() : 0;
            return fd < 0 ? null : new SafeFd(fd);
        }
    }

    /// <summary>Makes an eventfd that never blocks.</summary>
    internal static SafeFd NewEvent() => Take(LibC.eventfd(0, LibC.EFD_CLOEXEC | LibC.EFD_NONBLOCK), "eventfd");

    /// <summary>Makes a memfd.</summary>
    internal static SafeFd NewMemory(ReadOnlySpan<byte> name, uint flags)
    {
        // SAFETY: the pinned name ends with a zero byte (a UTF-8 literal does) and outlives the call.
        fixed (byte* pointer = name)
        {
            return Take(LibC.memfd_create(pointer, LibC.MFD_CLOEXEC | flags), "memfd_create");
        }
    }

    /// <summary>Gives the same open file under a number of its own.</summary>
    internal SafeFileHandle Duplicate() => new(KvmError.Check(LibC.fcntl(this, LibC.F_DUPFD_CLOEXEC, 0), "fcntl(F_DUPFD_CLOEXEC)"), ownsHandle: true);

    /// <summary>Calls ioctl with a number as its argument.</summary>
    internal int Control(uint request, nint argument, string operation)
    {
        int result = TryControl(request, argument, out int error);
        return result >= 0 ? result : throw KvmError.FromErrno(operation, error);
    }

    /// <summary>Calls ioctl with a structure that it reads, writes or both.</summary>
    internal int Control<T>(uint request, ref T argument, string operation)
        where T : unmanaged
    {
        // SAFETY: the structure is pinned for the call; the ABI test holds its size to what the request's number says.
        fixed (T* pointer = &argument)
        {
            return Control(request, (nint)pointer, operation);
        }
    }

    /// <summary>Calls ioctl with a header and what follows it.</summary>
    internal int Control(uint request, Span<byte> argument, string operation)
    {
        // SAFETY: the buffer is pinned for the call; callers size it by the header that they wrote into it.
        fixed (byte* pointer = argument)
        {
            return Control(request, (nint)pointer, operation);
        }
    }

    /// <summary>Calls ioctl and gives the error instead of throwing.</summary>
    internal int TryControl(uint request, nint argument, out int error)
    {
        if (_ioctl is not null)
        {
            int answer = _ioctl.Control((int)handle, request, argument);
            error = answer < 0 ? -answer : 0;
            return answer;
        }

        int result = LibC.ioctl(this, request, argument);
        error = result < 0 ? Marshal.GetLastPInvokeError() : 0;
        return result;
    }

    /// <summary>Calls ioctl with a buffer and gives the error instead of throwing.</summary>
    internal int TryControl(uint request, Span<byte> argument, out int error)
    {
        // SAFETY: as in Control.
        fixed (byte* pointer = argument)
        {
            return TryControl(request, (nint)pointer, out error);
        }
    }

    /// <summary>Calls ioctl with a structure and gives the error instead of throwing.</summary>
    internal int TryControl<T>(uint request, ref T argument, out int error)
        where T : unmanaged
    {
        // SAFETY: as in Control.
        fixed (T* pointer = &argument)
        {
            return TryControl(request, (nint)pointer, out error);
        }
    }

    /// <summary>Enters the guest (KVM_RUN). The vCPU's use count keeps the descriptor open, so no reference is taken per exit.</summary>
    /// <returns>0 or more, or the negative errno.</returns>
    internal int Run()
    {
        if (_ioctl is not null)
        {
            return _ioctl.Control((int)handle, KVM.KVM_RUN, 0);
        }

        // Where generated code would read it: the runtime keeps errno over the return into managed code, and nothing is called between.
        int result = LibC.ioctl((int)handle, KVM.KVM_RUN, 0);
        return result >= 0 ? result : -Marshal.GetLastSystemError();
    }

    /// <summary>Calls ioctl with a number, for the descriptor that it returns.</summary>
    internal SafeFd Open(uint request, nint argument, string operation) => new(Control(request, argument, operation), _ioctl);

    /// <summary>Takes a descriptor that the kernel has put into a structure.</summary>
    internal SafeFd TakeChild(int fd) => new(fd, _ioctl);

    /// <summary>Asks how much of a capability there is: 0 for none.</summary>
    internal int CheckExtension(uint capability) => Control(KVM.KVM_CHECK_EXTENSION, (nint)capability, nameof(KVM.KVM_CHECK_EXTENSION));

    /// <summary>Switches a capability on.</summary>
    internal void EnableCapability(uint capability, ulong argument, string name)
    {
        kvm_enable_cap enable = new() { cap = capability };
        enable.args[0] = argument;
        Control(KVM.KVM_ENABLE_CAP, ref enable, $"KVM_ENABLE_CAP({name})");
    }

    /// <summary>Reads exactly what was asked for.</summary>
    internal void ReadAt(Span<byte> buffer, long offset, string operation)
    {
        // SAFETY: the buffer is pinned for the call, which writes no more than its length.
        fixed (byte* pointer = buffer)
        {
            nint read = LibC.pread(this, pointer, (nuint)buffer.Length, offset);
            KvmError.Check((int)read, operation);
            if (read != buffer.Length)
            {
                throw KvmError.Create(operation, LibC.EIO, $"{read} of {buffer.Length} bytes came.");
            }
        }
    }

    // The result of close is not looked at: Linux has closed the descriptor whatever it says, and nothing was written that could be lost.
    protected override bool ReleaseHandle()
    {
        _ioctl?.Closing((int)handle);
        return LibC.close((int)handle) == 0;
    }
}
