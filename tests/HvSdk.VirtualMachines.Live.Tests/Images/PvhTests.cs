using HvSdk.Boot;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace HvSdk.VirtualMachines.Live.Tests.Images;

/// <summary>A kernel entered by PVH.</summary>
public sealed class PvhTests
{
    private const uint EntryNote = 18; // XEN_ELFNOTE_PHYS32_ENTRY

    [Fact]
    public async Task Pvh_StartInformation_IsWhatTheKernelFinds()
    {
        byte[] note = [.. TestKernel.Words(4, 4, EntryNote, TestKernel.Word("Xen\0")), .. TestKernel.Words(TestKernel.Address)];
        BootFile kernel = TestKernel.Elf([], TestKernel.Code32(0, LookAround), note);
        var options = new LinuxBootOptions { CommandLine = "quietly!", InitialRamDisk = BootFile.FromMemory("DISK, of some bytes"u8.ToArray(), "initrd") };

        uint[] told = await LiveMachine.TellAsync(() => LinuxImage.ReadElf(kernel, LinuxElfEntry.Pvh, options));

        Assert.Equal(
            [0x336E_C578U, 1, TestKernel.Word("quie"), TestKernel.Word("tly!"), 1, TestKernel.Word("DISK"), 19, TestKernel.Word("RSD "), 0, 0xA_0000, 1],
            told);
    }

    /// <summary>Tells the parts of struct hvm_start_info (Xen: public/arch-x86/hvm/start_info.h).</summary>
    private static void LookAround(Assembler a)
    {
        a.Tell(__dword_ptr[ebx]); // magic
        a.Tell(__dword_ptr[ebx + 4]); // version
        a.mov(esi, __dword_ptr[ebx + 24]); // cmdline_paddr
        a.Tell(__dword_ptr[esi]);
        a.Tell(__dword_ptr[esi + 4]);
        a.Tell(__dword_ptr[ebx + 12]); // nr_modules
        a.mov(esi, __dword_ptr[ebx + 16]); // modlist_paddr
        a.mov(edi, __dword_ptr[esi]);
        a.Tell(__dword_ptr[edi]);
        a.Tell(__dword_ptr[esi + 8]); // size
        a.mov(esi, __dword_ptr[ebx + 32]); // rsdp_paddr
        a.Tell(__dword_ptr[esi]);
        a.mov(esi, __dword_ptr[ebx + 40]); // memmap_paddr: the first entry's address, size, type
        a.Tell(__dword_ptr[esi]);
        a.Tell(__dword_ptr[esi + 8]);
        a.Tell(__dword_ptr[esi + 16]);
        a.End();
    }
}
