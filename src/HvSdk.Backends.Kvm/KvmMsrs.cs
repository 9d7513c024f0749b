using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using HvSdk.Backends.Kvm.Interop;

namespace HvSdk.Backends.Kvm;

/// <summary>Reads and writes model-specific registers; the kernel stops at the first that it does not like and says how many it has done.</summary>
internal static class KvmMsrs
{
    /// <summary>MAX_IO_MSRS of arch/x86/kvm, less one: the kernel refuses the number itself.</summary>
    private const int MaxPerCall = 255;

    internal static int Read(SafeFd vcpu, ReadOnlySpan<uint> indexes, Span<ulong> values)
    {
        int done = 0;
        while (done < indexes.Length)
        {
            ReadOnlySpan<uint> batch = indexes[done..int.Min(indexes.Length, done + MaxPerCall)];
            byte[] buffer = NewBuffer(batch.Length);
            for (int i = 0; i < batch.Length; i++)
            {
                Entries(buffer)[i].index = batch[i];
            }

            int read = vcpu.Control(KVM.KVM_GET_MSRS, buffer, nameof(KVM.KVM_GET_MSRS));
            for (int i = 0; i < read; i++)
            {
                values[done + i] = Entries(buffer)[i].data;
            }

            done += read;
            if (read < batch.Length)
            {
                break;
            }
        }

        return done;
    }

    internal static int Write(SafeFd vcpu, ReadOnlySpan<X64MsrValue> msrs)
    {
        int done = 0;
        while (done < msrs.Length)
        {
            ReadOnlySpan<X64MsrValue> batch = msrs[done..int.Min(msrs.Length, done + MaxPerCall)];
            byte[] buffer = NewBuffer(batch.Length);
            for (int i = 0; i < batch.Length; i++)
            {
                Entries(buffer)[i] = new kvm_msr_entry { index = batch[i].Index, data = batch[i].Value };
            }

            int written = vcpu.Control(KVM.KVM_SET_MSRS, buffer, nameof(KVM.KVM_SET_MSRS));
            done += written;
            if (written < batch.Length)
            {
                break;
            }
        }

        return done;
    }

    private static byte[] NewBuffer(int count)
    {
        byte[] buffer = new byte[Unsafe.SizeOf<kvm_msrs>() + (count * Unsafe.SizeOf<kvm_msr_entry>())];
        MemoryMarshal.Write(buffer, new kvm_msrs { nmsrs = (uint)count });
        return buffer;
    }

    private static Span<kvm_msr_entry> Entries(byte[] buffer) => MemoryMarshal.Cast<byte, kvm_msr_entry>(buffer.AsSpan(Unsafe.SizeOf<kvm_msrs>()));
}
