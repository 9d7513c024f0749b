using HvSdk.Backends.Whp.Interop;

namespace HvSdk.Backends.Whp;

/// <summary>Port accesses that are no strings: RAX and RIP are all that they change.</summary>
internal sealed unsafe partial class WhpVcpu
{
    private bool TryDecodePort(out VcpuExit exit)
    {
        ref WHV_X64_IO_PORT_ACCESS_CONTEXT access = ref _exit->IoPortAccess;
        uint size = access.AccessInfo.AccessSize;
        if (access.AccessInfo.StringOp != 0 || _exit->VpContext.InstructionLength == 0 || size is not (1 or 2 or 4))
        {
            return !TryFinish(out exit);
        }

        *(ulong*)_data = access.Rax;
        _dataLength = (int)size;
        if (access.AccessInfo.IsWrite != 0 && _partition.PortDoorbells.TryRing(access.PortNumber, new ReadOnlySpan<byte>(_data, (int)size)))
        {
            Advance();
            return TryStep(out exit);
        }

        _pending = WhpAccess.Port;
        exit = ExitFactory.Port(access.AccessInfo.IsWrite != 0, access.PortNumber, new Span<byte>(_data, (int)size), 1);
        return true;
    }

    private void CompletePort()
    {
        ref WHV_X64_IO_PORT_ACCESS_CONTEXT access = ref _exit->IoPortAccess;
        if (access.AccessInfo.IsWrite != 0)
        {
            Advance();
            return;
        }

        ulong value = *(ulong*)_data;
        ulong rax = _dataLength switch
        {
            1 => (access.Rax & ~0xFFUL) | (value & 0xFF),
            2 => (access.Rax & ~0xFFFFUL) | (value & 0xFFFF),
            _ => value & 0xFFFF_FFFF, // a 32-bit result clears the upper half (Intel SDM vol. 1, 3.4.1.1)
        };
        Advance((WHV_REGISTER_NAME.WHvX64RegisterRax, rax));
    }
}
