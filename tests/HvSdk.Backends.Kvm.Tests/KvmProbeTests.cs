using System.Runtime.InteropServices;
using HvSdk.Backends.Kvm.Interop;
using HvSdk.Live;
using Microsoft.Extensions.DependencyInjection;

namespace HvSdk.Backends.Kvm.Tests;

public sealed partial class KvmProbeTests
{
    private const nint SetResUid = 117; // __NR_setresuid, x86-64
    private const nint Unchanged = -1;
    private const nint Nobody = 65534;

    [Theory]
    [InlineData("/dev/there-is-no-kvm", "/dev/there-is-no-kvm does not exist.", "virtualization")]
    [InlineData("/dev/null", "/dev/null is not KVM: ", "Name the KVM device.")]
    [InlineData("/dev", "/dev cannot be opened: ", "virtualization")]
    [InlineData("/dev/null/kvm", "/dev/null/kvm cannot be opened: ", "virtualization")]
    public void Probe_PathThatIsNoKvm_SaysWhyAndWhatToDo(string path, string reason, string remedy)
    {
        var backend = new KvmBackend(new() { DevicePath = path });
        BackendProbe probe = backend.Probe();
        Assert.False(probe.IsAvailable);
        Assert.StartsWith(reason, probe.Reason, StringComparison.Ordinal);
        Assert.Contains(remedy, probe.Remedy, StringComparison.Ordinal);
        HypervisorUnavailableException e = Assert.Throws<HypervisorUnavailableException>(() => Hypervisor.Open(backend));
        Assert.Contains(probe.Reason, e.Message, StringComparison.Ordinal);
        Assert.Contains(probe.Remedy, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Probe_RegularFile_IsNotKvmAndIsClosed()
    {
        string path = Path.GetTempFileName();
        try
        {
            var backend = new KvmBackend(new() { DevicePath = path });
            for (int i = 0; i < 20; i++)
            {
                Assert.StartsWith($"{path} is not KVM", backend.Probe().Reason, StringComparison.Ordinal);
                Assert.Throws<HypervisorUnavailableException>(() => Hypervisor.Open(backend));
            }

            Assert.DoesNotContain(path, ProcessFiles.Open());
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public async Task Probe_NotPermitted_NamesUserAndGroup()
    {
        string path = Path.GetTempFileName();
        try
        {
            File.SetUnixFileMode(path, UnixFileMode.None);

            // Root may open everything, so this one thread becomes nobody: the kernel keeps users per thread, and the thread ends with the test.
            BackendProbe probe = await Task.Factory.StartNew(
                () =>
                {
                    if (Environment.IsPrivilegedProcess)
                    {
                        Assert.Equal(0, syscall(SetResUid, Unchanged, Nobody, Unchanged));
                    }

                    try
                    {
                        return new KvmBackend(new() { DevicePath = path }).Probe();
                    }
                    finally
                    {
                        if (Environment.IsPrivilegedProcess)
                        {
                            _ = syscall(SetResUid, Unchanged, 0, Unchanged);
                        }
                    }
                },
                CancellationToken.None,
                TaskCreationOptions.LongRunning,
                TaskScheduler.Default);
            Assert.StartsWith($"{path} may not be opened by user ", probe.Reason, StringComparison.Ordinal);
            Assert.Contains("usermod -aG kvm", probe.Remedy, StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public void Probe_LiveKvm_LeavesNothingOpen()
    {
        using (LiveHypervisor.Open())
        {
        }

        string[] before = ProcessFiles.OfKvm();
        for (int i = 0; i < 20; i++)
        {
            BackendProbe probe = KvmBackend.Instance.Probe();
            Assert.True(probe.IsAvailable, probe.ToString());
            Assert.Contains("Linux", probe.Reason, StringComparison.Ordinal);
        }

        Assert.Equal(before, ProcessFiles.OfKvm());
    }

    [Fact]
    public void Probe_RingsOfTheLargestSize_AreOfferedOrRefusedByNumbers()
    {
        using (LiveHypervisor.Open())
        {
        }

        const int largest = 65536;
        using SafeFd device = SafeFd.TryOpen("/dev/kvm", null, out _)!;
        int offered = KvmProbe.MaxDirtyRingBytes(device) / KvmDirtyRing.EntrySize;
        BackendProbe probe = new KvmBackend(new() { DirtyRingEntries = largest }).Probe();
        Assert.Equal(offered >= largest, probe.IsAvailable);
        if (!probe.IsAvailable)
        {
            Assert.Contains($"Dirty rings of {largest} entries were asked for, and this KVM offers {offered}.", probe.Reason, StringComparison.Ordinal);
            Assert.Contains("KvmBackendOptions.DirtyRingEntries", probe.Remedy, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(1)]
    [InlineData(512)]
    [InlineData(1025)]
    [InlineData(131072)]
    public void Options_RingSizeThatCannotBe_IsRefused(int entries)
    {
        ArgumentOutOfRangeException e = Assert.Throws<ArgumentOutOfRangeException>(() => new KvmBackend(new() { DirtyRingEntries = entries }));
        Assert.Equal("DirtyRingEntries", e.ParamName);
        Assert.Equal(entries, e.ActualValue);
        Assert.Contains("a power of two from 1024 to 65536 entries, or 0 for none", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Options_ChangedAfter_ChangeNothing()
    {
        KvmBackendOptions options = new() { DevicePath = "/dev/null" };
        KvmBackend backend = new(options);
        options.DevicePath = "/nowhere";
        options.DirtyRingEntries = 3;
        Assert.StartsWith("/dev/null is not KVM", backend.Probe().Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Options_PathMissing_IsRefused()
    {
        Assert.Throws<ArgumentException>(() => new KvmBackend(new() { DevicePath = "" }));
        Assert.Throws<ArgumentNullException>(() => new KvmBackend(new() { DevicePath = null! }));
        Assert.Throws<ArgumentOutOfRangeException>(() => new ServiceCollection().AddHvSdk().AddKvm(static options => options.DirtyRingEntries = 3));
        Assert.Throws<ArgumentNullException>(() => HvSdkKvmExtensions.AddKvm(null!));
    }

    [Theory]
    [InlineData("KVM_CREATE_VM", LibC.EMFILE, "raise its limit (ulimit -n)")]
    [InlineData("KVM_CREATE_VM", LibC.ENFILE, "raise fs.file-max")]
    [InlineData("KVM_CREATE_VM", LibC.EBUSY, "Another hypervisor uses the processor's virtualization")]
    [InlineData("KVM_CREATE_VCPU", LibC.ENOMEM, "no memory left")]
    [InlineData("mmap of a memfd (huge pages or not)", LibC.ENOMEM, "/sys/kernel/mm/hugepages")]
    [InlineData("KVM_IOEVENTFD", LibC.EEXIST, "The same doorbell exists already.")]
    [InlineData("KVM_IOEVENTFD", LibC.ENOSPC, "too many doorbells")]
    public void Error_KnownCause_HasARemedy(string operation, int errno, string remedy)
    {
        HypervisorException e = KvmError.FromErrno(operation, errno);
        Assert.Equal(("KVM", operation, errno), (e.BackendName, e.Operation, e.NativeErrorCode));
        Assert.Contains($"(errno {errno})", e.Reason, StringComparison.Ordinal);
        Assert.Contains(remedy, e.Remedy, StringComparison.Ordinal);
    }

    [Fact]
    public void Error_OtherCause_HasNone() => Assert.Equal("", KvmError.FromErrno("KVM_RUN", LibC.EINVAL).Remedy);

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint syscall(nint number, nint real, nint effective, nint saved);
}
