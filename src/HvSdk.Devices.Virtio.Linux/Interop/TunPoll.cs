using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace HvSdk.Devices.Virtio.Linux.Interop;

/// <summary>Waits for frames on any of several queues, until another thread ends it. The wait is one thread's.</summary>
internal sealed class TunPoll : IDisposable
{
    private readonly SafeFileHandle _end;
    private readonly SafeFileHandle[] _handles;
    private readonly pollfd[] _descriptors;

    public TunPoll(IReadOnlyList<TunQueue> queues)
    {
        int fd = Tun.eventfd(0, Tun.EFD_CLOEXEC | Tun.EFD_NONBLOCK);
        if (fd < 0)
        {
            throw TunError.Of("eventfd", queues[0].InterfaceName, Marshal.GetLastPInvokeError());
        }

        _end = new SafeFileHandle(fd, ownsHandle: true);
        _handles = [_end, .. queues.Select(static queue => queue.Handle)];
        _descriptors = new pollfd[_handles.Length];
    }

    /// <summary>Waits until a queue has frames, or an error to tell.</summary>
    /// <returns>False: the end.</returns>
    public bool Wait()
    {
        int held = 0;
        try
        {
            for (; held < _handles.Length; held++)
            {
                // The numbers are used beside the handles, which must not go meanwhile.
                bool added = false;
                _handles[held].DangerousAddRef(ref added);
                _descriptors[held] = new pollfd { fd = (int)_handles[held].DangerousGetHandle(), events = Tun.POLLIN };
            }

            while (Tun.poll(_descriptors, (nuint)_descriptors.Length, Timeout.Infinite) < 0 && Marshal.GetLastPInvokeError() == LibC.EINTR)
            {
            }

            return _descriptors[0].revents == 0;
        }
        finally
        {
            while (held > 0)
            {
                _handles[--held].DangerousRelease();
            }
        }
    }

    /// <summary>Ends all waits, those to come too.</summary>
    public void End()
    {
        ReadOnlySpan<byte> one = [1, 0, 0, 0, 0, 0, 0, 0];
        _ = Tun.write(_end, one, (nuint)one.Length); // cannot fail: the counter is far from full
    }

    public void Dispose() => _end.Dispose();
}
